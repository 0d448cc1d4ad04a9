import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { noHosts } from "../../hosts/host-shell.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf, foldEntries } from "../../ledger/entries.ts";
import { applyStep, type RunContext, undoStep } from "../../steps/run-step.ts";
import { BaseSpec, type Observation, type Step } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const quiet: Observation = { drift: [], plan: [], undo: [], blockers: [] };

/** A rollout of steps that only note what was asked of them. `answers` changes what one of them says or does. */
function rollout(answers: Partial<Record<string, Partial<Step>>> = {}) {
  const calls: string[] = [];
  const controller = new AbortController();
  const makeStep = (name: string): Step => ({
    name,
    spec: BaseSpec,
    lease: false,
    deadlineSeconds: 60,
    observe: async () => quiet,
    apply: async () => {
      calls.push(`apply ${name}`);
      return { by: calls.length };
    },
    undo: async () => {
      calls.push(`undo ${name}`);
      return { summary: "undone", kept: [] };
    },
    ...answers[name],
  });
  const context: RunContext = {
    chain: Chain.open(temporaryFolder("evidence")),
    deps: {
      log: () => {},
      now: () => new Date(),
      signal: controller.signal,
      connect: () => Promise.reject(new Error("no database")),
      databaseUrl: () => "",
      saveArtifact: async () => "",
      evidence: evidenceOf([]),
      shell: noHosts,
    },
    target: new TargetGuard("s", undefined),
    findStep: async (kind) => makeStep(kind),
  };
  const spec = (step: string, generation = 1): BaseSpec => ({
    specVersion: 1,
    identity: { stack: "s", phase: "1", step, evidenceUrl: "file:e" },
    generation,
    deadlineSeconds: 60,
  });
  return {
    calls,
    context,
    cancel: () => controller.abort(),
    apply: (step: string, generation?: number) => applyStep(makeStep(step), spec(step, generation), context),
    undo: (step: string) => undoStep(spec(step), context),
    states: () =>
      [...foldEntries(context.chain.records).values()].map(({ step, state }) => `${step} ${state}`),
    outcomes: () =>
      context.chain.records.flatMap((record) => (record.record === "end" ? [record.outcome] : [])),
  };
}

describe("running a step", () => {
  it("does nothing twice: the same digest and no drift give back the stored result", async () => {
    const { apply, calls, context } = rollout();
    const first = await apply("backup");
    assert.deepEqual(await apply("backup"), first);
    assert.deepEqual(calls, ["apply backup"]);
    assert.equal(context.chain.records.length, 2);
  });

  it("applies again when the generation rises", async () => {
    const { apply, calls } = rollout();
    await apply("backup");
    await apply("backup", 2);
    assert.deepEqual(calls, ["apply backup", "apply backup"]);
  });

  it("applies again when what it left is gone", async () => {
    let drift: Observation["drift"] = [];
    const { apply, calls } = rollout({ backup: { observe: async () => ({ ...quiet, drift }) } });
    await apply("backup");
    drift = [{ expected: "a backup", observed: "none" }];
    await apply("backup");
    assert.equal(calls.length, 2);
  });

  it("refuses before anything is recorded when something is in the way", async () => {
    const blocked = { ...quiet, blockers: ["3 unmapped values. Map them."] };
    const { apply, calls, context } = rollout({ expand: { observe: async () => blocked } });
    await assert.rejects(apply("expand"), /expand: not started\.\n {2}- 3 unmapped values\. Map them\./);
    assert.deepEqual([calls, context.chain.records.length], [[], 0]);
  });

  it("records a failure with its reason and keeps the step half-done", async () => {
    const { apply, states, outcomes, context } = rollout({
      expand: { apply: () => Promise.reject(new Error("disk full")) },
    });
    await assert.rejects(apply("expand"), /disk full/);
    assert.deepEqual([states(), outcomes()], [["expand half-done"], ["failed"]]);
    const { error } = context.chain.records.at(-1) as { error?: string };
    assert.equal(error, "expand: disk full (Error). Mend that, then run the same command again.");
  });

  it("gives the reason of a failure whose record can't be written either", async () => {
    const { apply, context } = rollout({
      a: {
        apply: async () => {
          rmSync(context.chain.folder, { recursive: true });
          writeFileSync(context.chain.folder, "no folder any more");
          throw new Error("no such table");
        },
      },
    });
    const lines: string[] = [];
    context.deps.log = (line) => void lines.push(line);
    await assert.rejects(apply("a"), /no such table/);
    assert.match(lines.join("\n"), /a: its end was not recorded: EEXIST/);
  });

  it("tells a cancelled step from a failed one", async () => {
    const stopped = { apply: () => Promise.reject(new Error("stopped")) };
    const { apply, cancel, outcomes } = rollout({ migration: stopped });
    cancel();
    await assert.rejects(apply("migration"), /stopped/);
    assert.deepEqual(outcomes(), ["cancelled"]);
  });

  it("undoes what began later in the phase first, newest first, half-done steps included", async () => {
    const failing = { apply: () => Promise.reject(new Error("lock timeout")) };
    const { apply, undo, calls, states } = rollout({ constraint: failing });
    for (const step of ["guard", "expand", "migration"]) await apply(step);
    await assert.rejects(apply("constraint"));
    calls.length = 0;
    await undo("expand");
    assert.deepEqual(calls, ["undo constraint", "undo migration", "undo expand"]);
    assert.deepEqual(states(), ["guard done", "expand undone", "migration undone", "constraint undone"]);
  });

  it("leaves nothing of the phase when its guard is undone", async () => {
    const { apply, undo, states } = rollout();
    for (const step of ["guard", "expand", "migration"]) await apply(step);
    await undo("guard");
    assert.ok(states().every((state) => state.endsWith("undone")));
  });

  it("undoes once: again is nothing", async () => {
    const { apply, undo, calls } = rollout();
    await apply("expand");
    await undo("expand");
    assert.match((await undo("expand")).summary, /nothing to undo/);
    assert.deepEqual(calls, ["apply expand", "undo expand"]);
  });

  it("stays half-done when an undo fails, and the next undo runs", async () => {
    let broken = true;
    const undoing = async () => {
      if (broken) throw new Error("database down");
      return { summary: "undone", kept: [] };
    };
    const { apply, undo, states } = rollout({ migration: { undo: undoing } });
    await apply("migration");
    await assert.rejects(undo("migration"), /database down/);
    assert.deepEqual(states(), ["migration half-done"]);
    broken = false;
    await undo("migration");
    assert.deepEqual(states(), ["migration undone"]);
  });

  it("needs its own evidence after an undo: a new attempt applies again", async () => {
    const { apply, undo, calls } = rollout();
    await apply("backup");
    await undo("backup");
    await apply("backup");
    assert.deepEqual(calls, ["apply backup", "undo backup", "apply backup"]);
  });
});
