import { deepEqual, equal, match, throws } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { PHASES } from "../../phases/index.ts";
import { opening } from "../../phases/shared-args.ts";
import { definePhase, type PhaseRow } from "../../phases/table.ts";
import { validation } from "../../phases/validation.ts";
import { findStep } from "../../steps/registry.ts";
import { type Told, tellPulumi } from "./told.ts";

/** After a change that is meant: UPDATE_GOLDEN=1 npx mocha tests/phases/golden.test.ts, and read the diff. */
const GOLDEN = "tests/phases/golden.txt";

const describeResource = ({ urn, parent, dependsOn, inputs }: Told) =>
  [
    urn,
    ...(parent ? [`  in ${parent}`] : []),
    ...(inputs.create ? [`  create ${inputs.create}`, `  delete ${inputs.delete}`] : []),
    ...(dependsOn.length > 0 ? [`  after ${dependsOn.join(", ")}`] : []),
  ].join("\n");

describe("what Pulumi is told", () => {
  let told: Told[];
  before(async () => {
    told = await tellPulumi(4);
  });

  const commands = () => told.filter(({ type }) => type === "command:local:Command");

  it("is what the golden file holds: URN, parent, command and dependencies of every resource, in order", () => {
    const text = `${told.map(describeResource).join("\n")}\n`;
    if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN, text);
    equal(text, readFileSync(GOLDEN, "utf8"));
  });

  it("is one command for each row of the tables, in order, each after the row above and the phase before", () => {
    const wanted = PHASES.flatMap(({ name, rows }, number) =>
      rows.map((row, index) => {
        const above = rows[index - 1];
        const before = PHASES[number - 1];
        return {
          name: `${name}-${row.name}`,
          parent: name,
          create: `node bin/step.mjs ${row.step.name} apply`,
          dependsOn: [
            ...(above ? [`${name}-${above.name}`] : []),
            ...(before?.rows.map((each) => `${before.name}-${each.name}`) ?? []),
          ].sort(),
        };
      }),
    );
    deepEqual(
      commands().map(({ name, parent, inputs: { create }, dependsOn }) => ({
        name,
        parent,
        create,
        dependsOn,
      })),
      wanted,
    );
  });
});

describe("a table of a phase", () => {
  const named = (name: string, follows?: PhaseRow): PhaseRow => ({
    ...{ ...opening, name },
    ...(follows ? { follows } : {}),
  });
  const phaseOf = (rows: PhaseRow[]) => () => definePhase({ ...validation, rows });

  it("is refused with two rows of one name, and with a row that follows one below it", () => {
    throws(phaseOf([named("a"), named("a")]), /two rows named a/);
    const first = named("first");
    throws(phaseOf([named("second", first), first]), /second follows first, which must stand above it/);
  });

  for (const { name, rows } of PHASES)
    for (const row of rows)
      it(`says in one sentence why ${name}/${row.name} stands there, and its kind is found by its name`, async () => {
        match(row.why, /^[A-Z][^\n]{20,160}\.$/);
        equal(await findStep(row.step.name), row.step);
      });
});
