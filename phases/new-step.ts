import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { phaseNames } from "../config/phase.ts";

/** `cache-purge` → `cachePurge` */
const camelCase = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
const pascalCase = (name: string) => camelCase(`-${name}`);

const stepFile = (name: string) => `import type { z } from "zod";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

export const ${pascalCase(name)}Spec = BaseSpec.extend({});
export type ${pascalCase(name)}Spec = z.infer<typeof ${pascalCase(name)}Spec>;

export interface ${pascalCase(name)}Result {
  /** When it was done, UTC. */
  at: string;
}

async function observe(_spec: ${pascalCase(name)}Spec): Promise<Observation> {
  return { drift: [], plan: ["say what apply would do"], undo: [], blockers: [] };
}

async function apply(_spec: ${pascalCase(name)}Spec, deps: StepDeps): Promise<${pascalCase(name)}Result> {
  return { at: deps.now().toISOString() };
}

/** What it does, in a sentence. */
export const ${camelCase(name)} = defineStep({
  name: "${name}",
  spec: ${pascalCase(name)}Spec,
  lease: false,
  deadlineSeconds: 5 * MINUTE,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: it changes nothing", kept: [] };
  },
});
`;

const testFile = (name: string, phase: string) => `import { deepEqual } from "node:assert/strict";
import { ${camelCase(name)} } from "../../steps/${name}.ts";
import { makeDeps } from "./preflight-deps.ts";

const spec = ${camelCase(name)}.spec.parse({
  ...{ specVersion: 1, generation: 1, deadlineSeconds: 60 },
  identity: { stack: "s", phase: "${phase}", step: "${name}", evidenceUrl: "file:evidence" },
});

describe("${name}", () => {
  it("has nothing in its way", async () => {
    deepEqual((await ${camelCase(name)}.observe(spec, makeDeps(""))).blockers, []);
  });
});
`;

/** The table with the row at its end, and the import that it needs. @throws {Error} for a table of another shape. */
function withRow(table: string, name: string): string {
  const end = table.lastIndexOf("  ],\n});");
  if (end < 0) throw new Error("new-step: expected a table that ends with its rows, got something else");
  const why = "Say what the phase would lack without it, in one sentence.";
  const added = `    row(${camelCase(name)}, {\n      why: "${why}",\n      args: () => ({}),\n    }),\n`;
  const import_ = `import { ${camelCase(name)} } from "../steps/${name}.ts";\n`;
  return import_ + table.slice(0, end) + added + table.slice(end);
}

function write(name: string, phase: string): void {
  const table = `phases/${phase}.ts`;
  writeFileSync(`steps/${name}.ts`, stepFile(name));
  writeFileSync(`tests/steps/${name}.test.ts`, testFile(name, phase));
  writeFileSync(table, withRow(readFileSync(table, "utf8"), name));
  process.stdout.write(
    `Written: steps/${name}.ts, tests/steps/${name}.test.ts, and a row at the end of ${table}.\n` +
      "Left to do (docs/adding-a-step.md): the row's place, why and arguments; spec, verbs and result; a section of the\n" +
      "config and a page in docs/; npm run fix; npm run docs:phases;\n" +
      "UPDATE_GOLDEN=1 npx mocha tests/phases/golden.test.ts\n",
  );
}

function faultOf(name: string, phase: string): string | undefined {
  if (!/^[a-z]+(-[a-z]+)*$/.test(name)) return `a name in kebab case, got ${JSON.stringify(name)}`;
  if (existsSync(`steps/${name}.ts`)) return `a new name, got ${name}, which steps/${name}.ts has`;
  if (phaseNames.every((known) => known !== phase)) return `one of ${phaseNames.join(", ")}, got ${phase}`;
  return undefined;
}

const [name = "", phase = ""] = process.argv.slice(2);
const fault = faultOf(name, phase);
if (fault) {
  process.stderr.write(`new-step: expected ${fault}. npm run new-step <name> <phase>\n`);
  process.exitCode = 1;
} else write(name, phase);
