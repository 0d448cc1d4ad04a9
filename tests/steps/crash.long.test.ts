import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../errors/step-error.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import type { ContractSpec } from "../../steps/contract.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { contractSpec, TABLE_STEPS } from "./contract-fixture.ts";
import { CrashPoint } from "./crash.ts";
import { RolloutTarget } from "./rollout-target.ts";

type Verb = "apply" | "undo";

interface Stage {
  target: RolloutTarget;
  spec: ContractSpec;
}

const PHASE_1 = TABLE_STEPS.filter(({ name }) => name !== "contract");
const named = (name: string) => TABLE_STEPS.filter((step) => step.name === name);

/** Steps of a rollout, those that crash, and whether triggers of the application fire and have to be undone with the rows. */
const WAYS = [
  { what: "phase 1", appTriggers: "refuse", ddl: "", forward: PHASE_1, crashing: PHASE_1 },
  {
    what: "triggers fire",
    appTriggers: "fire",
    ddl: TOUCH,
    forward: PHASE_1,
    crashing: named(migration.name),
  },
  { what: "contract", appTriggers: "refuse", ddl: "", forward: TABLE_STEPS, crashing: named("contract") },
] as const;

/** Crashes of a step at the least: before and after each of its commits. */
const CRASHES = { apply: { contract: 4, other: 6 }, undo: { contract: 4, other: 4 } };

/** Runs one step on connections that crash; true when the crash came. */
async function runInto(
  crash: CrashPoint,
  { target, spec }: Stage,
  verb: Verb,
  step: Step<ContractSpec>,
): Promise<boolean> {
  const deps = target.deps({ connect: () => crash.connect(target.url) });
  try {
    const lease = await acquireLease(deps.connect, { holder: "crashing", log: deps.log });
    await step[verb](spec, { ...deps, lease });
    await lease.release();
  } catch (error) {
    if (!crash.crashed) throw error;
  }
  return crash.crashed;
}

/** The next run of the program: it may have to wait until the server has noticed that the crashed one is gone. */
async function runNext({ target, spec }: Stage, verb: Verb, step: Step<ContractSpec>): Promise<void> {
  for (;;) {
    try {
      await target[verb](step, spec);
      return;
    } catch (error) {
      if (!(error instanceof StepError && /another run holds the lease/.test(error.message))) throw error;
      await sleep(10);
    }
  }
}

for (const { what, appTriggers, ddl, forward, crashing } of WAYS) {
  const back = forward.toReversed();
  describe(`a rollout that crashes (${what})`, function () {
    this.timeout(180_000);
    let target: RolloutTarget;
    let stage: Stage;
    let start: unknown;
    before(async () => {
      target = await RolloutTarget.make({ rows: 12, ddl });
      stage = { target, spec: contractSpec(target, { appTriggers }) };
      start = await snapshotDatabase(target.admin);
    });
    after(() => target.dispose());

    const undoAll = async () => {
      for (const step of back) await runNext(stage, "undo", step);
    };
    const assertStart = async (where: string) => {
      assert.deepEqual(await snapshotDatabase(target.admin), start, where);
    };
    const assertEnd = async (where: string) => {
      for (const step of forward) {
        const { drift } = await step.observe(stage.spec, target.deps());
        assert.deepEqual(drift, [], where);
      }
    };

    /** Every commit of one step, both moments. @returns how many crashes there were. */
    async function crashEverywhere(
      verb: Verb,
      step: Step<ContractSpec>,
      way: (where: string) => Promise<void>,
    ) {
      let crashes = 0;
      for (const moment of ["before", "after"] as const) {
        for (let commit = 1; ; commit += 1) {
          const where = `${verb} ${step.name}, ${moment} commit ${commit}`;
          const earlier = verb === "apply" ? forward.slice(0, forward.indexOf(step)) : forward;
          for (const done of earlier) await runNext(stage, "apply", done);
          if (verb === "undo")
            for (const done of back.slice(0, back.indexOf(step))) await runNext(stage, "undo", done);
          const crashed = await runInto(new CrashPoint(commit, moment), stage, verb, step);
          if (crashed) {
            crashes += 1;
            await way(where);
          }
          await undoAll();
          await assertStart(where);
          if (!crashed) break;
        }
      }
      return crashes;
    }

    for (const step of crashing) {
      const least = (verb: Verb) => CRASHES[verb][step.name === "contract" ? "contract" : "other"];

      it(`is taken back to the start from every commit of ${step.name}`, async () => {
        assert.ok((await crashEverywhere("apply", step, async () => undefined)) >= least("apply"));
      });

      it(`is finished by the next run from every commit of ${step.name}`, async () => {
        const finish = async (where: string) => {
          for (const next of forward.slice(forward.indexOf(step))) await runNext(stage, "apply", next);
          await assertEnd(where);
        };
        assert.ok((await crashEverywhere("apply", step, finish)) >= least("apply"));
      });

      it(`is taken back to the start from every commit of the undo of ${step.name}`, async () => {
        assert.ok((await crashEverywhere("undo", step, async () => undefined)) >= least("undo"));
      });

      it(`goes forward again from every commit of the undo of ${step.name}`, async () => {
        const again = async (where: string) => {
          for (const next of forward) await runNext(stage, "apply", next);
          await assertEnd(where);
        };
        assert.ok((await crashEverywhere("undo", step, again)) >= least("undo"));
      });
    }
  });
}
