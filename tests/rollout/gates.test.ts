import assert from "node:assert/strict";
import type { RolloutConfig } from "../../config/schema.ts";
import { evaluateGate, findRefusals as refusalsAt } from "../../rollout/gates.ts";
import type { ObservedStep, Survey } from "../../rollout/observe-all.ts";
import { previewLines } from "../../rollout/preview.ts";

const quiet = { drift: [], plan: [], undo: [], blockers: [] };

function step(phaseNumber: number, name: string, rest: Partial<ObservedStep>): ObservedStep {
  const identity = { stack: "s", phase: `phase-${phaseNumber}`, step: name, evidenceUrl: "file:e" };
  return {
    planned: { phaseNumber, step: { name }, spec: {} } as unknown as ObservedStep["planned"],
    spec: { specVersion: 1, identity, generation: 1, deadlineSeconds: 60 },
    action: "keep",
    observation: quiet,
    ...rest,
  };
}

const done = { entry: { state: "done" } } as Partial<ObservedStep>;
const config = (phase: number, observe = true) =>
  ({ phase, stack: "s", environment: "sandbox", observe }) as RolloutConfig;
const survey = (rest: Partial<Survey>): Survey => ({
  mode: "advance",
  actual: 0,
  reached: 0,
  steps: [],
  ...rest,
});
const now = new Date("2026-11-23T12:00:00Z");
const findRefusals = (wanted: RolloutConfig, seen: Survey) => refusalsAt(wanted, seen, now);
const drift = [{ expected: "a backup", observed: "none" }];

describe("gate", () => {
  it("is met when every step of the phase is done and shows no drift", () => {
    const met = { phase: 0, met: true, missing: [], accepted: [] };
    assert.deepEqual(evaluateGate(0, [step(0, "backup", done)]), met);
  });

  it("says what the proof left out that it is met with, in preview too", () => {
    const notProven = [{ object: "view public.v", reason: "needs extension x" }];
    const entry = { state: "done", result: { notProven } };
    const proof = step(0, "restore-proof", { entry } as unknown as Partial<ObservedStep>);
    const accepted = "phase-0/restore-proof: not proven: view public.v (needs extension x)";
    assert.deepEqual(evaluateGate(0, [proof]), { phase: 0, met: true, missing: [], accepted: [accepted] });
    const lines = previewLines(config(1), survey({ steps: [proof] }));
    assert.ok(lines.includes(`  gate 0 is met in spite of what was left out: ${accepted}`), lines.join("\n"));
  });

  it("is shut by a step that never ran, is half-done, undone, drifted or can't be looked at", () => {
    const half = { entry: { state: "half-done" } } as Partial<ObservedStep>;
    const missing = evaluateGate(0, [
      step(0, "a", {}),
      step(0, "b", half),
      step(0, "c", { ...done, observation: { ...quiet, drift } }),
      step(0, "d", { ...done, error: "no route" }),
      step(1, "e", {}),
    ]).missing;
    assert.deepEqual(missing, [
      "phase-0/a: expected done in this attempt, got never run",
      "phase-0/b: expected done in this attempt, got half-done",
      "phase-0/c: expected a backup, got none",
      "phase-0/d: expected a look at it, got none",
    ]);
  });
});

describe("what preview calls drift", () => {
  const observation = { ...quiet, drift, plan: ["takes a backup"] };
  const lines = (rest: Partial<ObservedStep>) =>
    previewLines(
      config(0),
      survey({ steps: [step(0, "backup", { ...done, observation, action: "apply", ...rest })] }),
    );

  it("is a difference that somebody made by hand, and none that the config made", () => {
    assert.match(lines({ drifted: true }).join(), /drift: expected a backup, got none/);
    assert.doesNotMatch(lines({}).join(), /drift:/);
  });
});

describe("the flag", () => {
  const at = (phase: number, flag: boolean) => ({ ...config(phase), flag }) as RolloutConfig;

  it("has to be on to go beyond phase 2", () => {
    const refused = findRefusals(at(3, false), survey({ mode: "advance", actual: 2, reached: 2 }));
    assert.match(
      refused[0] ?? "",
      /^config: expected flag true to go beyond phase 2 \(code-deployment\), got false/,
    );
    assert.deepEqual(findRefusals(at(3, true), survey({ mode: "advance", actual: 2, reached: 2 })), []);
    assert.deepEqual(findRefusals(at(2, false), survey({ mode: "advance", actual: 1, reached: 1 })), []);
  });

  it("can be switched off whatever cannot be looked at, and on where all that follows it can", () => {
    const down = { ...done, error: "no route" };
    const flip = (flag: boolean, action: ObservedStep["action"]) =>
      findRefusals(
        at(2, flag),
        survey({ mode: "flag", actual: 2, steps: [step(2, "a", { ...down, action })] }),
      );
    assert.deepEqual(flip(false, "apply"), []);
    assert.deepEqual(flip(true, "keep"), []);
    assert.deepEqual(flip(true, "apply"), ["could not look at a: no route"]);
  });
});

describe("gate reasons", () => {
  it("shut the gate of a finished step that finds against going on", () => {
    const observation = { ...quiet, gate: ["no-go: expected 0 unmapped rows, got 3"] };
    const { met, missing } = evaluateGate(0, [step(0, "status-report", { ...done, observation })]);
    assert.equal(met, false);
    assert.deepEqual(missing, ["phase-0/status-report: no-go: expected 0 unmapped rows, got 3"]);
  });

  it("shut the gate from the evidence alone where nothing is looked at", () => {
    const entry = { state: "done", result: { gate: ["no-go: recorded"] } } as never;
    const { missing } = evaluateGate(0, [
      { ...step(0, "status-report", {}), entry, observation: undefined as never },
    ]);
    assert.deepEqual(missing, ["phase-0/status-report: no-go: recorded"]);
  });

  it("do not hinder an update at the same phase: it is what mends them", () => {
    const observation = { ...quiet, gate: ["no-go"] };
    const steps = [step(0, "status-report", { ...done, observation })];
    assert.deepEqual(findRefusals(config(0), survey({ mode: "hold", steps })), []);
  });
});

describe("refusals", () => {
  it("refuses to rise over a shut gate, naming what is missing", () => {
    const lines = findRefusals(
      config(1),
      survey({ steps: [step(0, "backup", { ...done, observation: { ...quiet, drift } })] }),
    );
    assert.equal(lines[0], "gate 0 is shut: phase-0/backup: expected a backup, got none");
  });

  it("passes on every blocker of a step that would run, and none of a step that is kept", () => {
    const blocked = { observation: { ...quiet, blockers: ["3 unmapped values"] } };
    const steps = [step(1, "expand", { ...blocked, action: "apply" }), step(1, "migration", blocked)];
    assert.deepEqual(findRefusals(config(1), survey({ steps })), ["phase-1/expand: 3 unmapped values"]);
  });

  it("names a step once that names itself in its reasons", () => {
    const observation = { ...quiet, blockers: ["expand: 3 unmapped values"] };
    const steps = [step(1, "expand", { observation, action: "apply" })];
    assert.deepEqual(findRefusals(config(1), survey({ steps })), ["phase-1/expand: 3 unmapped values"]);
  });

  it("tells a reason once that several steps have", () => {
    const observation = { ...quiet, blockers: ["3 unmapped values"] };
    const steps = ["expand", "migration"].map((name) => step(1, name, { observation, action: "apply" }));
    assert.deepEqual(findRefusals(config(1), survey({ steps })), [
      "phase-1/expand, phase-1/migration: 3 unmapped values",
    ]);
  });

  it("names a target that can't be looked at once, with the steps that need it", () => {
    const steps = [
      step(0, "a", { ...done, error: "no route" }),
      step(1, "b", { action: "apply", error: "no route" }),
    ];
    assert.deepEqual(findRefusals(config(1), survey({ mode: "hold", actual: 1, steps })), [
      "could not look at a, b: no route",
    ]);
  });

  it("never blocks the way back", () => {
    const steps = [step(1, "expand", { action: "undo", error: "unreachable" }), step(0, "backup", {})];
    assert.deepEqual(findRefusals(config(0), survey({ mode: "lower", actual: 1, reached: 1, steps })), []);
  });

  it("refuses another change while phase 1 is deployed", () => {
    const deployed = step(1, "expand", {
      entry: { state: "done", spec: { change: { table: "deals" } } } as never,
    });
    (deployed.spec as { change?: unknown }).change = { table: "offers" };
    assert.match(
      findRefusals(config(1), survey({ mode: "hold", actual: 1, steps: [deployed] }))[0] ?? "",
      /expected `change` as it was/,
    );
  });
});

describe("preview", () => {
  it("says where it stands, what each step would do with its time, and what undo would do", () => {
    const observation = {
      ...quiet,
      plan: ["7 NULL → acquisition"],
      undo: ["7 rows get their value back"],
      estimateSeconds: 1.2,
      estimateSource: "measured in rehearsal",
    };
    assert.deepEqual(
      previewLines(config(1), survey({ steps: [step(1, "migration", { action: "apply", observation })] })),
      [
        "sandbox: advances to phase 1 (database-migration); phase 0 (pre-flight) is done",
        "  migration (about 2 s, measured in rehearsal)",
        "    7 NULL → acquisition",
        "  undo afterwards would",
        "    migration: 7 rows get their value back",
      ],
    );
  });

  it("tells the way back of what this run does, not of what is done already", () => {
    const observation = { ...quiet, undo: ["points current back"] };
    const steps = [
      step(1, "release-switch", { observation }),
      step(2, "soak", { action: "apply", observation: quiet }),
    ];
    const lines = previewLines(config(2), survey({ steps }));
    assert.doesNotMatch(lines.join("\n"), /undo afterwards|points current back/);
  });

  it("says so when nothing is to be done", () => {
    const hold = survey({ mode: "hold", actual: 1, reached: 1, steps: [step(1, "expand", {})] });
    assert.deepEqual(previewLines(config(1), hold).slice(1), [
      "  nothing to do: every step is done, and reality is as it was left",
    ]);
    const unseen = survey({ mode: "hold", actual: 1, steps: [step(1, "expand", { error: "no route" })] });
    assert.doesNotMatch(previewLines(config(1), unseen).join("\n"), /nothing to do/);
  });

  it("lists undos newest first when it goes back", () => {
    const steps = ["expand", "migration"].map((name) => step(1, name, { action: "undo" }));
    const lines = previewLines(config(0), survey({ mode: "lower", actual: 1, reached: 1, steps }));
    assert.deepEqual(lines.slice(1), ["  undo migration", "  undo expand"]);
  });

  it("says on the way back that the flag stays as it is where the config wants another one as well", () => {
    const kept = (flag: boolean) => {
      const made = step(2, "env-flag", {});
      const planned = { ...made.planned, followsFlag: true };
      return { ...made, planned, spec: { ...made.spec, value: flag } };
    };
    const lines = (flag: boolean) =>
      previewLines(
        { ...config(3), flag } as RolloutConfig,
        survey({ mode: "lower", actual: 4, reached: 4, steps: [kept(true)] }),
      );
    assert.deepEqual(lines(false).slice(1), [
      "  the flag stays on in this run: the next `up` switches it off",
    ]);
    assert.deepEqual(lines(true).slice(1), []);
  });

  it("says that nothing was looked at when observe is off", () => {
    assert.match(
      previewLines(config(1, false), survey({})).join("\n"),
      /observe: false: nothing was looked at/,
    );
  });
});
