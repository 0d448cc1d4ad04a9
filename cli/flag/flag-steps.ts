import { LAST_PHASE, phaseTitle } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { StepError } from "../../errors/step-error.ts";
import type { Chain } from "../../ledger/chain.ts";
import { entryKey, foldEntries } from "../../ledger/entries.ts";
import { validation } from "../../phases/validation.ts";
import { flagStepsOf } from "../../rollout/flag-mode.ts";
import { findRefusals } from "../../rollout/gates.ts";
import { observeAll, type Survey } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { findStep } from "../../steps/registry.ts";
import { releaseSwitch } from "../../steps/release-switch.ts";
import type { BaseSpec, Step } from "../../steps/step.ts";

/** A step that follows the flag, as it is to be run. */
export interface FlagStep {
  step: Step;
  spec: BaseSpec;
}

/** The lowest phase that knows the flag. */
const FLAG_PHASE = 2;

function refuseUndeployed({ phase, stack }: RolloutConfig, { actual, reached, mode }: Survey): void {
  if (mode === "flag" || (actual !== null && actual >= FLAG_PHASE && mode === "hold")) return;
  const done = actual === null ? "none" : phaseTitle(actual);
  const half = reached !== null && reached !== actual ? `, ${phaseTitle(reached)} half-done` : "";
  throw new StepError(
    `flag: expected ${phaseTitle(FLAG_PHASE)} or a later one to be done and wanted, got ${done} done${half}, ` +
      `${phaseTitle(phase)} wanted. Finish or take back what is under way: npx rollout up --stack ${stack}`,
  );
}

/** What brings the release back that knows the flag. */
export const lowerCommand = (stack: string) =>
  `npx rollout config set phase 3 --stack ${stack} && npx rollout up --stack ${stack}`;

/**
 * Once phase 4 has begun to switch the release there is no flag: what starts next may be a process that knows none, and each
 * of those would "prove" that it is off.
 */
function refuseGone(stack: string, chain: Chain): void {
  const identity = { phase: validation.name, step: releaseSwitch.name };
  const { state = "undone", finished } = foldEntries(chain.records).get(entryKey(identity)) ?? {};
  if (state === "undone") return;
  const next = finished
    ? "The rollout is finished: there is no flag to switch any more."
    : `Lower to 3 first: ${lowerCommand(stack)}; then again.`;
  throw new StepError(
    `flag: expected a phase that knows the flag, got ${phaseTitle(LAST_PHASE)}, which takes it out: nothing was changed. ${next}`,
  );
}

/**
 * What has to run so that the flag is as the config says; empty when it is, on every host.
 * @throws {StepError} where no phase with a flag is deployed, the flag is gone from the code, or something is in the way.
 */
export async function surveyFlagSteps(config: RolloutConfig, chain: Chain): Promise<FlagStep[]> {
  refuseGone(config.stack, chain);
  const survey = await observeAll(config, chain, observingDeps(config, chain));
  refuseUndeployed(config, survey);
  const refusals = survey.mode === "flag" ? findRefusals(config, survey, new Date()) : [];
  if (refusals.length > 0) throw new StepError(`flag: nothing was changed:\n  - ${refusals.join("\n  - ")}`);
  return survey.steps
    .filter(({ planned, action }) => planned.followsFlag && action === "apply")
    .map(({ planned, spec }) => ({ step: planned.step, spec }));
}

/**
 * What has to run so that the flag is off, by the evidence alone.
 * @throws {StepError} where no phase with a flag is deployed, or the flag is gone from the code.
 */
export async function recordedFlagSteps(stack: string, chain: Chain): Promise<FlagStep[]> {
  refuseGone(stack, chain);
  const known = flagStepsOf(foldEntries(chain.records), PHASE_PLAN, false);
  if (known.length === 0)
    throw new StepError(
      `flag: expected ${phaseTitle(FLAG_PHASE)} or a later one in the evidence of stack ${stack}, got none. There is no flag to switch.`,
    );
  return Promise.all(
    known.map(async ({ kind, spec }) => {
      const step = await findStep(kind);
      return { step, spec: step.spec.parse(spec) };
    }),
  );
}
