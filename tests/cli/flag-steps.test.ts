import { deepEqual, rejects } from "node:assert/strict";
import { recordedFlagSteps, surveyFlagSteps } from "../../cli/flag/flag-steps.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { Chain } from "../../ledger/chain.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const HOSTS = [
  {
    ...{ name: "web-1", appDir: "/srv/app", envFile: "/etc/app.env" },
    services: [{ unit: "web", kind: "web", processes: 1 }],
  },
];

/** Evidence of a stack whose flag is on; `more` are steps that began after it, undone again where it is said. */
function chainWith(...more: { phase: string; step: string; undone?: true }[]): Chain {
  const chain = Chain.open(temporaryFolder("evidence"));
  const begin = (phase: string, step: string, verb: "apply" | "undo", spec: Record<string, unknown>) => {
    const fields = { phase, step, kind: step, verb };
    const { number } = chain.append({
      record: "begin",
      ...fields,
      digest: "d",
      generation: 1,
      spec,
      will: [],
    });
    return () => chain.append({ record: "end", ...fields, begin: number, outcome: "done", result: {} });
  };
  const identity = { stack: "s", phase: "code-deployment", step: "env-flag", evidenceUrl: "file:evidence" };
  const base = { specVersion: 1, identity, generation: 1, deadlineSeconds: 60 };
  begin("code-deployment", "env-flag", "apply", {
    ...{ ...base, hosts: HOSTS, backend: "env-file", variable: "FLAG", value: true },
  })();
  for (const { phase, step, undone } of more) {
    begin(phase, step, "apply", {});
    if (undone) begin(phase, step, "undo", {})();
  }
  return chain;
}

const SWITCHED = { phase: "validation", step: "release-switch" };
const GONE =
  /^StepError: flag: expected a phase that knows the flag, got phase 4 \(validation\), which takes it out: nothing was changed\. Lower to 3 first: npx rollout config set phase 3 --stack s && npx rollout up --stack s; then again\.$/;

describe("the flag off while the permanent release may run", () => {
  it("is refused from the switch to it on, also one that was killed, by the evidence alone", () =>
    rejects(recordedFlagSteps("s", chainWith(SWITCHED)), GONE));

  it("is refused just so where the configuration can be read, before anything is looked at", () =>
    rejects(surveyFlagSteps({ stack: "s", flag: false } as RolloutConfig, chainWith(SWITCHED)), GONE));

  it("says that there is none any more once the rollout is finished", () => {
    const chain = chainWith(SWITCHED);
    chain.append({ record: "event", event: "finished", reason: "green audit", note: "" });
    return rejects(
      recordedFlagSteps("s", chain),
      /The rollout is finished: there is no flag to switch any more/,
    );
  });

  for (const [promise, step] of [
    ["goes ahead while phase 4 has switched nothing yet", { phase: "validation", step: "regression" }],
    ["goes ahead once that switch is taken back", { ...SWITCHED, undone: true as const }],
  ] as const) {
    it(promise, async () => {
      const steps = await recordedFlagSteps("s", chainWith(step));
      deepEqual(
        steps.map(({ spec }) => (spec as unknown as { value: boolean }).value),
        [false],
      );
    });
  }
});
