import { deepEqual, equal } from "node:assert/strict";
import type { StepRun } from "../../ledger/timeline.ts";
import { byMeasure } from "../../rollout/measured-estimate.ts";
import type { Observation } from "../../steps/step.ts";

const run = (changed: Partial<StepRun>): StepRun => ({
  ...{ phase: "pre-flight", step: "backup", kind: "backup", verb: "apply", outcome: "done" },
  ...{ begin: 1, beganAt: "2026-11-28T10:00:00.000Z", seconds: 80, by: "a@b", generation: 1 },
  ...changed,
});
const seen = (estimateSeconds?: number): Observation => ({
  ...{ drift: [], plan: [], undo: [], blockers: [] },
  ...(estimateSeconds === undefined ? {} : { estimateSeconds }),
});
const BACKUP = { phase: "pre-flight", step: "backup", kind: "backup" };
const FRESH = { ...BACKUP, phase: "database-migration", step: "fresh-backup" };

describe("what a step is expected to take", () => {
  const cases: [string, Observation, StepRun[], typeof BACKUP, number | undefined][] = [
    ["what it took here before, whatever it reckons", seen(491), [run({})], BACKUP, 80],
    ["what it took, where it makes no estimate itself", seen(), [run({})], BACKUP, 80],
    [
      "the longest run: another one may have gone on after a break",
      seen(9),
      [run({}), run({ seconds: 3 })],
      BACKUP,
      80,
    ],
    ["what another step of its kind took, where it makes an estimate", seen(491), [run({})], FRESH, 80],
    ["nothing, where it makes none and only another of its kind ran", seen(), [run({})], FRESH, undefined],
    [
      "its own measure before that of its kind",
      seen(1),
      [run({}), run({ ...FRESH, seconds: 20 })],
      FRESH,
      20,
    ],
    [
      "its own estimate, where a run failed",
      seen(491),
      [run({ outcome: "failed", seconds: 1 })],
      BACKUP,
      491,
    ],
    ["its own estimate, where a run was killed", seen(491), [run({ outcome: "killed" })], BACKUP, 491],
    ["its own estimate, where only an undo ran", seen(491), [run({ verb: "undo" })], BACKUP, 491],
    ["its own estimate, where nothing ran", seen(491), [], BACKUP, 491],
  ];
  for (const [what, observation, runs, step, seconds] of cases)
    it(`is ${what}`, () => equal(byMeasure(observation, runs, step).estimateSeconds, seconds));

  it("names the day of the measure, and keeps the step's own source otherwise", () => {
    deepEqual(
      [
        byMeasure(seen(491), [run({})], BACKUP).estimateSource,
        byMeasure(seen(491), [], BACKUP).estimateSource,
      ],
      ["as measured here on 2026-11-28", undefined],
    );
  });
});
