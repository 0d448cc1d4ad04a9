import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireLease } from "../../postgres/lease.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import type { ChangeStepSpec } from "../../steps/change-spec.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { type Step, StepError } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { CrashPoint } from "./crash.ts";
import { RolloutTarget } from "./rollout-target.ts";

type Verb = "apply" | "undo";

interface Stage {
  target: RolloutTarget;
  spec: ChangeStepSpec;
}

const FORWARD: Step<ChangeStepSpec>[] = [expand, migration, constraint];
const BACK = FORWARD.toReversed();

/** Where no trigger of the application is in play, and where they fire and have to be undone with the rows. */
const WAYS = [
  { appTriggers: "refuse", ddl: "", crashing: FORWARD },
  { appTriggers: "fire", ddl: TOUCH, crashing: [migration] },
] as const;

/** Runs one step on connections that crash; true when the crash came. */
async function runInto(
  crash: CrashPoint,
  { target, spec }: Stage,
  verb: Verb,
  step: Step<ChangeStepSpec>,
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
async function runNext({ target, spec }: Stage, verb: Verb, step: Step<ChangeStepSpec>): Promise<void> {
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

for (const { appTriggers, ddl, crashing } of WAYS) {
  describe(`a rollout that crashes (migration.appTriggers: ${appTriggers})`, function () {
    this.timeout(180_000);
    let target: RolloutTarget;
    let stage: Stage;
    let start: unknown;
    before(async () => {
      target = await RolloutTarget.make({ rows: 12, ddl });
      stage = { target, spec: target.spec({}, { appTriggers }) };
      start = await snapshotDatabase(target.admin);
    });
    after(() => target.dispose());

    const undoAll = async () => {
      for (const step of BACK) await runNext(stage, "undo", step);
    };
    const assertStart = async (where: string) => {
      assert.deepEqual(await snapshotDatabase(target.admin), start, where);
    };
    const assertEnd = async (where: string) => {
      for (const step of FORWARD) {
        const { drift } = await step.observe(stage.spec, target.deps());
        assert.deepEqual(drift, [], where);
      }
    };

    /** Every commit of one step, both moments. @returns how many crashes there were. */
    async function crashEverywhere(
      verb: Verb,
      step: Step<ChangeStepSpec>,
      way: (where: string) => Promise<void>,
    ) {
      let crashes = 0;
      for (const moment of ["before", "after"] as const) {
        for (let commit = 1; ; commit += 1) {
          const where = `${verb} ${step.name}, ${moment} commit ${commit}`;
          const earlier = verb === "apply" ? FORWARD.slice(0, FORWARD.indexOf(step)) : FORWARD;
          for (const done of earlier) await runNext(stage, "apply", done);
          if (verb === "undo")
            for (const done of BACK.slice(0, BACK.indexOf(step))) await runNext(stage, "undo", done);
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
      it(`is taken back to the start from every commit of ${step.name}`, async () => {
        assert.ok((await crashEverywhere("apply", step, async () => undefined)) >= 6);
      });

      it(`is finished by the next run from every commit of ${step.name}`, async () => {
        const finish = async (where: string) => {
          for (const next of FORWARD.slice(FORWARD.indexOf(step))) await runNext(stage, "apply", next);
          await assertEnd(where);
        };
        assert.ok((await crashEverywhere("apply", step, finish)) >= 6);
      });

      it(`is taken back to the start from every commit of the undo of ${step.name}`, async () => {
        assert.ok((await crashEverywhere("undo", step, async () => undefined)) >= 4);
      });

      it(`goes forward again from every commit of the undo of ${step.name}`, async () => {
        const forward = async (where: string) => {
          for (const next of FORWARD) await runNext(stage, "apply", next);
          await assertEnd(where);
        };
        assert.ok((await crashEverywhere("undo", step, forward)) >= 4);
      });
    }
  });
}
