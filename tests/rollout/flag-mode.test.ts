import assert from "node:assert/strict";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import { flagStepsOf, isFlagOnly } from "../../rollout/flag-mode.ts";

const PLAN = [
  { phase: "migration", steps: ["guard", "expand"], followFlag: [] },
  {
    phase: "code",
    steps: ["guard", "env-flag", "closing-restart"],
    followFlag: ["env-flag", "closing-restart"],
  },
  { phase: "interface", steps: ["guard"], followFlag: [] },
];

type State = Entry["state"];

/** Phase `code` done with the flag on, then what the case says. */
function entries(changed: Record<string, { state?: State; flag?: boolean; never?: boolean }> = {}) {
  const names = [
    "migration/guard",
    "migration/expand",
    "code/guard",
    "code/env-flag",
    "code/closing-restart",
  ];
  const all = [...names, ...Object.keys(changed).filter((name) => !names.includes(name))].map((name) => {
    const [phase = "", step = ""] = name.split("/");
    const { state = "done", flag = true, never = false } = changed[name] ?? {};
    const spec =
      step === "env-flag" ? { value: flag } : step === "closing-restart" ? { basis: { flag } } : {};
    return { phase, step, state, spec, ...(never ? {} : { doneSpec: spec }) } as Entry;
  });
  return new Map(all.map((entry) => [entryKey(entry), entry]));
}

describe("a change of the flag alone", () => {
  const table: [string, boolean, Parameters<typeof entries>[0], boolean][] = [
    ["is one when the flag differs from what was deployed", false, {}, true],
    ["is none when the flag is as it was deployed", true, {}, false],
    [
      "is gone on with when it was killed between flag and restart",
      false,
      { "code/env-flag": { flag: false } },
      true,
    ],
    [
      "is taken back when it was killed between flag and restart",
      true,
      { "code/env-flag": { flag: false }, "code/closing-restart": { state: "half-done" } },
      true,
    ],
    [
      "is none, to on, while the phase was never whole",
      true,
      { "code/env-flag": { flag: false, never: true } },
      false,
    ],
    [
      "to off is one also where the phase was never whole",
      false,
      { "code/closing-restart": { never: true } },
      true,
    ],
    [
      "to on is none while an earlier step is half-done",
      true,
      { "migration/expand": { state: "half-done" }, "code/env-flag": { flag: false } },
      false,
    ],
    [
      "to off is one also while an earlier step is half-done",
      false,
      { "migration/expand": { state: "half-done" } },
      true,
    ],
    ["is none while something of a higher phase is left", false, { "interface/guard": {} }, false],
    ["is none for a repair that failed", true, { "code/closing-restart": { state: "half-done" } }, false],
  ];
  for (const [promise, flag, changed, wanted] of table) {
    it(promise, () => assert.equal(isFlagOnly({ phase: 1, flag }, entries(changed), PLAN), wanted));
  }

  it("is none below the phase that knows the flag", () => {
    assert.equal(isFlagOnly({ phase: 0, flag: false }, entries(), PLAN.slice(0, 1)), false);
  });
});

describe("the steps that switch the flag where nobody can read the configuration", () => {
  const steps = (changed: Parameters<typeof entries>[0] = {}) => {
    const all = [...entries(changed)].map(([key, entry], index) => {
      const kind = entry.step === "closing-restart" ? "service-restart" : entry.step;
      return [key, { ...entry, kind, generation: index + 1 }] as const;
    });
    return flagStepsOf(new Map(all), PLAN, false);
  };

  it("are those that follow it, as they were last done, with a generation that was never used", () =>
    assert.deepEqual(steps(), [
      { kind: "env-flag", spec: { value: false, generation: 5 } },
      { kind: "service-restart", spec: { basis: { flag: false }, generation: 6 } },
    ]));

  it("are none that was undone, and one that was never done as it was begun", () =>
    assert.deepEqual(
      steps({ "code/env-flag": { never: true }, "code/closing-restart": { state: "undone" } }),
      [{ kind: "env-flag", spec: { value: false, generation: 5 } }],
    ));

  it("are none where no phase knows the flag", () =>
    assert.deepEqual(flagStepsOf(new Map(), PLAN, false), []));
});
