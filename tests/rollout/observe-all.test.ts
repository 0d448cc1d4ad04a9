import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import { Chain } from "../../ledger/chain.ts";
import { type ObservedStep, observeAll, redoRestating } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { planSteps } from "../../rollout/plan.ts";
import { digestOf } from "../../steps/run-step.ts";
import type { BaseSpec } from "../../steps/step.ts";
import { validValues } from "../config/valid-values.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function recordEnd(
  chain: Chain,
  spec: BaseSpec,
  kind: string,
  outcome: "done" | "failed",
  result: Record<string, unknown> = {},
): void {
  const { phase, step } = spec.identity;
  const fields = { phase, step, kind, verb: "apply" as const };
  const begin = { digest: digestOf(spec), generation: spec.generation, spec: { ...spec }, will: [] };
  const { number } = chain.append({ record: "begin", ...fields, ...begin });
  chain.append({ record: "end", ...fields, begin: number, outcome, result });
}

const recordDone = (chain: Chain, spec: BaseSpec, kind: string) => recordEnd(chain, spec, kind, "done");

type Outline = [phaseNumber: number, name: string, action: ObservedStep["action"]];

function step([phaseNumber, name, action]: Outline): ObservedStep {
  const identity = { stack: "s", phase: `phase-${phaseNumber}`, step: name, evidenceUrl: "file:e" };
  const kind = { name, ...(name === "report" ? { restates: true } : {}) };
  const follows = name === "proof" ? { follows: "backup" } : {};
  return {
    planned: { phaseNumber, step: kind, ...follows, spec: {} } as unknown as ObservedStep["planned"],
    spec: { specVersion: 1, identity, generation: 3, deadlineSeconds: 60 },
    action,
  };
}

const actions = (...steps: Outline[]) =>
  redoRestating(steps.map(step)).map(({ action, spec }) => [action, spec.generation]);

describe("steps that restate others", () => {
  it("run again, as a new generation, when one before them in their phase runs", () => {
    assert.deepEqual(actions([0, "backup", "apply"], [0, "report", "keep"]), [
      ["apply", 3],
      ["apply", 4],
    ]);
  });

  it("are kept when nothing before them in their phase runs", () => {
    const kept = [
      ["keep", 3],
      ["keep", 3],
      ["apply", 3],
    ];
    assert.deepEqual(actions([0, "backup", "keep"], [0, "report", "keep"], [1, "expand", "apply"]), kept);
    assert.deepEqual(actions([0, "report", "keep"], [0, "later", "keep"], [0, "last", "apply"]), kept);
  });

  it("rise by one only, also when they drifted themselves", () => {
    assert.deepEqual(actions([0, "backup", "apply"], [0, "report", "apply"]), [
      ["apply", 3],
      ["apply", 3],
    ]);
  });
});

describe("a step that follows another", () => {
  it("runs again, as a new generation, when that one runs in the same phase", () => {
    assert.deepEqual(actions([0, "backup", "apply"], [0, "proof", "keep"], [0, "report", "keep"]), [
      ["apply", 3],
      ["apply", 4],
      ["apply", 4],
    ]);
  });

  it("is kept when others run, and when the one it follows runs in another phase", () => {
    assert.deepEqual(actions([0, "backup", "apply"], [1, "audit", "apply"], [1, "proof", "keep"]), [
      ["apply", 3],
      ["apply", 3],
      ["keep", 3],
    ]);
  });
});

describe("a step that has to run again", () => {
  it("gets a generation that no earlier spec of it had, also when the config is as it was before", async () => {
    const chain = Chain.open(temporaryFolder("evidence-"));
    const wanted = (concurrency: number) =>
      loadConfig({
        values: validValues({ phase: "0", outputs: { concurrency } }),
        stack: "s",
        sandbox: () => undefined,
      });
    const snapshotOf = async (concurrency: number) => {
      const { steps } = await observeAll(wanted(concurrency), chain, undefined);
      const found = steps.find(({ spec }) => spec.identity.step === "output-snapshot");
      assert.ok(found);
      return found;
    };
    const seen: [string, number][] = [];
    for (const concurrency of [2, 2, 7, 2]) {
      const { spec, action } = await snapshotOf(concurrency);
      seen.push([action, spec.generation]);
      if (action === "apply") recordDone(chain, spec, "output-snapshot");
    }
    assert.deepEqual(seen, [
      ["apply", 1],
      ["keep", 1],
      ["apply", 2],
      ["apply", 3],
    ]);
  });
});

describe("a step that left some of its work out", () => {
  it("runs again until nothing is left out", async () => {
    const chain = Chain.open(temporaryFolder("evidence-"));
    const wanted = loadConfig({ values: validValues({ phase: "0" }), stack: "s", sandbox: () => undefined });
    const actionNow = async (unfinished: string[]) => {
      const { steps } = await observeAll(wanted, chain, undefined);
      const { action, spec } = steps.find(
        ({ spec }) => spec.identity.step === "environment-check",
      ) as ObservedStep;
      if (action === "apply") recordEnd(chain, spec, "environment-check", "done", { unfinished });
      return action;
    };
    assert.deepEqual(
      [await actionNow(["host-b: away"]), await actionNow([]), await actionNow([])],
      ["apply", "apply", "keep"],
    );
  });
});

describe("the way back", () => {
  const config = (changed: Record<string, unknown>) =>
    loadConfig({ values: validValues(changed), stack: "s", sandbox: () => undefined });

  const pick = (spec: object | undefined) => {
    const { generation, jobs } = spec as { generation: number; jobs: number };
    return { generation, jobs };
  };

  /** Evidence in which everything was done but the status report, and a repair of the backup then failed. */
  function makeEvidence(): Chain {
    const chain = Chain.open(temporaryFolder("evidence-"));
    const record = (spec: BaseSpec, kind: string, outcome: "done" | "failed") =>
      recordEnd(chain, spec, kind, outcome);
    const plan = planSteps(config({}));
    for (const { spec, step } of plan) if (step.name !== "status-report") record(spec, step.name, "done");
    const backup = plan.find(({ step }) => step.name === "backup");
    if (backup) record({ ...backup.spec, generation: 2 }, "backup", "failed");
    return chain;
  }

  it("declares the steps that stay as they were last done: no failed repair and no changed config runs anything", async () => {
    const { mode, steps } = await observeAll(
      config({ phase: "0", backup: { jobs: 7 } }),
      makeEvidence(),
      undefined,
    );
    const staying = steps.filter(({ action }) => action !== "undo");
    assert.equal(mode, "lower");
    assert.deepEqual([...new Set(staying.map(({ action }) => action))], ["keep"]);
    const backup = staying.find(({ spec }) => spec.identity.step === "backup");
    assert.deepEqual(pick(backup?.spec), { generation: 1, jobs: 2 });
  });

  it("leaves out a step of a staying phase that was never done", async () => {
    const { steps } = await observeAll(config({ phase: "0" }), makeEvidence(), undefined);
    assert.equal(
      steps.find(({ spec }) => spec.identity.step === "status-report"),
      undefined,
    );
  });
});

describe("a rollout that is finished", () => {
  it("looks at nothing, runs nothing, and says on the way down that the data stays", async () => {
    const chain = Chain.open(temporaryFolder("finished"));
    const config = loadConfig({ values: validValues(), stack: "s", sandbox: () => undefined });
    const through = { ...config, phase: 1 };
    for (const { spec, step: kind } of planSteps(through)) recordDone(chain, spec, kind.name);
    chain.append({ record: "event", event: "finished", reason: "green audit", note: "" });
    // Whoever looked at anything would fail: there is neither a database nor a host.
    const deps = observingDeps(config, chain);
    const { steps, mode, finished } = await observeAll(through, chain, deps);
    assert.equal(mode, "hold");
    assert.equal(finished?.reason, "green audit");
    assert.deepEqual(
      steps.filter(({ action, observation, error }) => action !== "keep" || observation || error),
      [],
    );
    assert.equal(steps.length, planSteps(through).length);
    const down = await observeAll({ ...config, phase: -1 }, chain, deps);
    for (const { action, observation, error } of down.steps) {
      assert.deepEqual([action, error], ["undo", undefined]);
      assert.match(observation?.undo.join() ?? "", /^finished on .*: the data stays/);
    }
  });
});
