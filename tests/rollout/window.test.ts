import assert from "node:assert/strict";
import type { RolloutConfig } from "../../config/schema.ts";
import { WindowSection } from "../../config/window.ts";
import { findRefusals } from "../../rollout/gates.ts";
import type { ObservedStep, Survey } from "../../rollout/observe-all.ts";
import { refuseOutsideWindow } from "../../rollout/window.ts";

const window = WindowSection.parse({ days: ["tue"], from: "02:00", to: "04:00", timeZone: "Europe/Berlin" });
const config = (phase: number, rest: Partial<RolloutConfig> = {}) =>
  ({ phase, stack: "s", window, ...rest }) as RolloutConfig;
const survey = (rest: Partial<Survey> = {}): Survey => ({
  mode: "advance",
  actual: 0,
  reached: 0,
  steps: [],
  ...rest,
});

const MONDAY = new Date("2026-11-23T12:00Z");
const OPEN = new Date("2026-11-24T02:20Z");

function step(estimateSeconds: number, action: ObservedStep["action"] = "apply"): ObservedStep {
  const observation = { drift: [], plan: [], undo: [], blockers: [], estimateSeconds };
  const spec = { identity: { phase: "database-migration", step: "migration" } };
  const planned = { phaseNumber: 1, step: { name: "migration" }, spec };
  return { planned, spec, action, observation } as unknown as ObservedStep;
}

describe("window", () => {
  it("refuses to enter phase 1 outside of it, with the next opening in UTC and local time", () => {
    assert.deepEqual(findRefusals(config(1), survey(), MONDAY), [
      "window: expected tue 02:00–04:00 Europe/Berlin for phase 1 (database-migration), " +
        "got 2026-11-23T12:00Z (Mon 2026-11-23 13:00 +01:00 Europe/Berlin). " +
        "It opens next at 2026-11-24T01:00Z (Tue 2026-11-24 02:00 +01:00 Europe/Berlin), " +
        "until 2026-11-24T03:00Z (Tue 2026-11-24 04:00 +01:00 Europe/Berlin). " +
        "Run `up` then, or change `window` in the stack config.",
    ]);
  });

  it("lets phase 1 begin inside of it, and at any time where none is configured", () => {
    assert.deepEqual(findRefusals(config(1), survey(), OPEN), []);
    const { window: _, ...without } = config(1);
    assert.deepEqual(findRefusals(without as RolloutConfig, survey(), MONDAY), []);
  });

  it("refuses what is expected to take longer than it stays open, steps that are done not counted", () => {
    const [line] = findRefusals(config(1), survey({ steps: [step(2000), step(401)] }), OPEN);
    assert.match(
      line ?? "",
      /^window: expected 41 min for phase 1 .* closes at 2026-11-24T03:00Z .* got 40 min\. It opens next at 2026-12-01T01:00Z/,
    );
    assert.deepEqual(findRefusals(config(1), survey({ steps: [step(2000), step(401, "keep")] }), OPEN), []);
  });

  it("refuses to go on outside of it with a phase 1 that was begun and never finished", () => {
    assert.equal(findRefusals(config(1), survey({ reached: 1 }), MONDAY).length, 1);
  });

  const free: [string, RolloutConfig, Survey][] = [
    ["phase 0", config(0), survey({ actual: null, reached: null })],
    ["going back to phase 0", config(0), survey({ mode: "lower", actual: 1, reached: 1 })],
    ["going back from a half-done phase 1", config(0), survey({ mode: "lower", reached: 1 })],
    [
      "going back to phase 1, also with a phase 1 that is half-done",
      config(1),
      survey({ mode: "lower", reached: 2 }),
    ],
    ["holding and repairing phase 1", config(1), survey({ mode: "hold", actual: 1, reached: 1 })],
    ["phase 2 once phase 1 is done", config(2), survey({ actual: 1, reached: 1 })],
  ];
  for (const [what, wanted, seen] of free) {
    it(`never holds up ${what}`, () => {
      assert.deepEqual(refuseOutsideWindow(wanted, seen, MONDAY), []);
      assert.deepEqual(findRefusals(wanted, seen, MONDAY), []);
    });
  }
});
