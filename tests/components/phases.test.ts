import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { composePhases } from "../../components/phases/compose.ts";
import type { BaseSpec } from "../../steps/step.ts";

interface Seen {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const seen: Seen[] = [];

const STEPS = {
  "pre-flight": [
    "guard",
    "environment-check",
    "test-suite",
    "data-audit",
    "output-snapshot",
    "backup",
    "restore-proof",
    "retention",
    "status-report",
  ],
  "database-migration": [
    "guard",
    "review",
    "rehearsal",
    "notice",
    "fresh-backup",
    "restore-proof",
    "retention",
    "expand",
    "migration",
    "constraint",
    "verification",
  ],
  "code-deployment": [
    "guard",
    "code-review",
    "opening-restart",
    "release",
    "test-suite-on",
    "test-suite-off",
    "shadow-comparison",
    "release-switch",
    "env-flag",
    "closing-restart",
    "smoke-test",
    "propagation",
    "soak",
  ],
  "interface-rollout": [
    "guard",
    "code-review",
    "opening-restart",
    "release",
    "test-suite",
    "documentation-check",
    "release-switch",
    "closing-restart",
    "browser-checklist",
    "announcement",
    "soak",
  ],
  validation: [
    "guard",
    "post-snapshot",
    "regression",
    "code-review",
    "opening-restart",
    "release",
    "test-suite",
    "release-switch",
    "env-flag",
    "closing-restart",
    "flag-absence",
    "contract",
    "scheduled-audit",
    "review-page",
    "archive",
  ],
};

function specs(phase: keyof typeof STEPS): Record<string, BaseSpec> {
  const identity = { stack: "s", phase, step: "", evidenceUrl: "file:e" };
  const spec = (step: string) => ({
    specVersion: 1 as const,
    identity: { ...identity, step },
    generation: 1,
    deadlineSeconds: 60,
  });
  return Object.fromEntries(STEPS[phase].map((step) => [step, spec(step)]));
}

// Shape only: what the engine does with it is shown by tests/engine with the real one.
describe("phases", () => {
  before(async () => {
    await pulumi.runtime.setMocks({
      newResource: ({ type, name, inputs }) => {
        seen.push({ type, name, inputs });
        return { id: `${name}-id`, state: { ...inputs, stdout: "{}" } };
      },
      call: () => ({}),
    });
    const secrets = {
      ROLLOUT_DATABASE_URL: pulumi.secret("postgres://canary"),
      ROLLOUT_MAIL: pulumi.secret("canary"),
    };
    const phases = Object.keys(STEPS) as (keyof typeof STEPS)[];
    const specsOf = (number: number) => specs(phases[number] as keyof typeof STEPS);
    const { backup } = composePhases({ phase: 4, specsOf, secrets });
    await new Promise((resolve) => backup?.apply(resolve));
    await new Promise(setImmediate);
  });

  const commands = () => seen.filter(({ type }) => type === "command:local:Command");

  it("declares exactly one command for each step, in the runbook's order", () => {
    const wanted = Object.entries(STEPS).flatMap(([phase, steps]) =>
      steps.map((step) => `${phase}-${step}-command`),
    );
    assert.deepEqual(
      commands()
        .map(({ name }) => name)
        .sort(),
      wanted.sort(),
    );
  });

  it("hands what only mail needs to the steps that send mail, and to no other", () => {
    const holders = commands().filter(({ inputs }) =>
      JSON.stringify(inputs.environment).includes("ROLLOUT_MAIL"),
    );
    assert.deepEqual(holders.map(({ name }) => name).sort(), [
      "database-migration-notice-command",
      "interface-rollout-announcement-command",
    ]);
  });

  it("keeps config, secrets, paths and triggers out of every command", () => {
    for (const { inputs } of commands()) {
      assert.match(String(inputs.create), /^node bin\/step\.mjs [a-z-]+ apply$/);
      assert.equal(inputs.update, inputs.create);
      assert.equal(inputs.delete, String(inputs.create).replace(/apply$/, "undo"));
      assert.equal(inputs.addPreviousOutputInEnv, false);
      assert.equal(inputs.logging, "stderr");
      for (const unset of ["triggers", "dir", "interpreter"]) assert.equal(inputs[unset], undefined);
      assert.doesNotMatch(String(inputs.stdin), /canary/);
    }
  });
});
