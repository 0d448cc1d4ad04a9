import { LAST_PHASE, phaseTitle } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import type { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { flagStepsOf } from "../../rollout/flag-mode.ts";
import { findRefusals } from "../../rollout/gates.ts";
import { observeAll, type Survey } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { findStep } from "../../steps/registry.ts";
import { type BaseSpec, type Step, StepError } from "../../steps/step.ts";

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

/** Once phase 4 has begun to take the flag out there is none: what runs, or starts next, does not ask for it. */
function refuseGone(stack: string, chain: Chain): void {
  const entries = [...foldEntries(chain.records).values()];
  const gone = entries.find(
    ({ kind, state, spec }) => kind === "env-flag" && state !== "undone" && spec.value === null,
  );
  if (!gone) return;
  const next = gone.finished
    ? "The rollout is finished: there is no flag to switch any more."
    : `Lower to 3 first: npx rollout config set phase 3 --stack ${stack} && npx rollout up --stack ${stack}; then again.`;
  throw new StepError(
    `flag: expected a phase that knows the flag, got ${phaseTitle(LAST_PHASE)}, which takes it out. ${next}`,
  );
}

/**
 * What has to run so that the flag is as the config says; empty when it is, on every host.
 * @throws {StepError} where no phase with a flag is deployed, or something is in the way.
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
 * @throws {StepError} where no phase with a flag is deployed.
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
