import assert from "node:assert/strict";
import { recordedFlagSteps, surveyFlagSteps } from "../../cli/flag/flag-steps.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { RolledOut } from "../archive/rolled-out.ts";
import { makeHost, specHost } from "../hosts/host-fixture.ts";

/** The flag as phase 2 left it, and then taken out by phase 4. */
function withoutFlag(outcome: "done" | "failed"): RolledOut {
  const stack = new RolledOut();
  stack.run("code-deployment", "env-flag", { spec: { value: true } });
  stack.run("validation", "env-flag", { spec: { value: null }, outcome });
  return stack;
}

describe("rollout flag at phase 4", () => {
  const refused =
    /^StepError: flag: expected a phase that knows the flag, got phase 4 \(validation\).* Lower to 3 first: npx rollout config set phase 3 --stack test/;

  for (const outcome of ["done", "failed"] as const) {
    it(`refuses to say that the flag is off once its removal is ${outcome}, with the way to get there`, async () => {
      const { chain } = withoutFlag(outcome);
      const config = { stack: "test", phase: 4, flag: false } as RolloutConfig;
      await assert.rejects(surveyFlagSteps(config, chain), refused);
      await assert.rejects(recordedFlagSteps("test", chain), refused);
    });
  }

  it("says that there is none any more once the rollout is finished", async () => {
    const stack = withoutFlag("done");
    stack.append({ record: "event", event: "finished", reason: "green audit", note: "" });
    await assert.rejects(recordedFlagSteps("test", stack.chain), /The rollout is finished: there is no flag/);
  });

  it("switches it again after the removal was taken back", async () => {
    const stack = new RolledOut();
    const place = { variable: "DEAL_TYPE_AWARENESS", backend: "env-file" };
    const spec = { ...stack.spec("code-deployment", "env-flag"), ...place, hosts: [specHost(makeHost("a"))] };
    stack.run("code-deployment", "env-flag", { spec: { ...spec, value: true } });
    stack.run("validation", "env-flag", { spec: { value: null } });
    stack.run("validation", "env-flag", { verb: "undo" });
    const steps = await recordedFlagSteps("test", stack.chain);
    assert.deepEqual(
      steps.map(({ step, spec }) => [step.name, "value" in spec && spec.value]),
      [["env-flag", false]],
    );
  });
});
