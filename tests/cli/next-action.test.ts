import { deepEqual, equal } from "node:assert/strict";
import { describeLock } from "../../cli/recover/next-action.ts";
import { sayWhatResumes } from "../../cli/recover/recover-run.ts";
import { Chain } from "../../ledger/chain.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const STEP = { phase: "interface-rollout", step: "browser-checklist", kind: "browser-checklist" };

describe("what to do after a run that failed", () => {
  it("is to wait for another that is at work, and to clean up after one that is dead", () => {
    equal(
      describeLock({ pid: 7, alive: true }, "prod"),
      "Another run (pid 7) is at work on the stack: wait for it, or press Ctrl-C where it runs. `pulumi cancel` would not stop it.",
    );
    equal(
      describeLock({ pid: 7, alive: false }, "prod"),
      "The run that locked the stack (pid 7) is dead. Clean up after it: npx rollout recover --stack prod",
    );
  });

  it("names what is half-done with the two ways on, and nothing where nothing is", () => {
    const chain = Chain.open(temporaryFolder("next-action"));
    deepEqual(sayWhatResumes(chain, "prod", 3), []);
    const fields = { ...STEP, verb: "apply" as const };
    chain.append({ record: "begin", ...fields, digest: "d", generation: 1, spec: {}, will: [] });
    deepEqual(sayWhatResumes(chain, "prod", 3), [
      "half-done: interface-rollout/browser-checklist",
      "to go on:   npx rollout up --stack prod   (phase 3 (interface-rollout) is wanted)",
      "to go back: npx rollout config set phase <lower> --stack prod, then up; or npx rollout destroy --stack prod",
    ]);
  });
});
