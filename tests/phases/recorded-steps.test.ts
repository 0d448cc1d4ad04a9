import { deepEqual, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { entryKey } from "../../ledger/entries.ts";
import { planLeaving } from "../../rollout/plan.ts";
import { resultOf } from "../../steps/recorded.ts";
import { findStep } from "../../steps/registry.ts";

const Json = z.record(z.string(), z.unknown());
const Recorded = z.object({
  ...{ phase: z.string(), step: z.string(), kind: z.string() },
  ...{ spec: Json, result: Json },
});

/**
 * One line for each step of a whole rollout in the sandbox, as an earlier state of release 0.1.0 recorded it. A line is
 * never changed: what was recorded has to be read. A change of a spec that cannot read it is a new `specVersion`.
 */
const RECORDED = readFileSync("tests/fixtures/recorded-steps.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => Recorded.parse(JSON.parse(line)));

/** Paths of what was recorded and is not in it as it is read: a default may come in, nothing may go. */
function lost(recorded: unknown, read: unknown, path = ""): string[] {
  if (typeof recorded !== "object" || recorded === null) return recorded === read ? [] : [path];
  const known = Json.parse(Array.isArray(read) ? { ...read } : read);
  return Object.entries(recorded).flatMap(([key, value]) => lost(value, known[key], `${path}.${key}`));
}

describe("what was recorded earlier", () => {
  for (const { phase, step: name, kind, spec, result } of RECORDED)
    it(`is read still, spec and result: ${phase}/${name}`, async () => {
      const step = await findStep(kind);
      deepEqual(lost(spec, step.spec.parse(spec)), []);
      if (step.result) ok(resultOf(step, { result }), String(step.result.safeParse(result).error));
    });

  it("can be undone, each step of it at its place", () => {
    const entries = new Map(
      RECORDED.map((recorded, index) => [
        entryKey(recorded),
        {
          ...{ ...recorded, state: "done" as const, doneSpec: recorded.spec },
          ...{ since: index, begun: index, generation: 1, digest: "" },
        },
      ]),
    );
    const leaving = planLeaving({ phase: -1 }, (phase, step) => entries.get(entryKey({ phase, step })));
    deepEqual(
      leaving.map(({ spec }) => entryKey(spec.identity)),
      RECORDED.map((recorded) => entryKey(recorded)),
    );
  });
});
