import { phaseNames } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import type { Entry } from "../ledger/entries.ts";
import type { PhaseSteps } from "../ledger/progress.ts";
import type { BaseSpec, Step } from "../steps/step.ts";
import { codeDeployment } from "./outline/code-deployment.ts";
import { databaseMigration } from "./outline/database-migration.ts";
import { interfaceRollout } from "./outline/interface-rollout.ts";
import { preFlight } from "./outline/pre-flight.ts";
import type { StepOutline } from "./outline/step-outline.ts";
import { validation } from "./outline/validation.ts";

/** One step of the rollout as the configuration wants it. */
export interface PlannedStep {
  phaseNumber: number;
  step: Step;
  /** Its spec holds the flag: it alone runs again when only the flag is changed. */
  followsFlag: boolean;
  /** Complete but for its generation, which observation decides (1 here). */
  spec: BaseSpec;
}

/** What each phase consists of, in order: the runbook's own. */
const OUTLINE: StepOutline[][] = [preFlight, databaseMigration, codeDeployment, interfaceRollout, validation];

/** The steps of each built phase by name: what progress is measured against. */
export const PHASE_PLAN: PhaseSteps = OUTLINE.map((outlines, number) => ({
  phase: phaseNames[number] as string,
  steps: outlines.map(({ name }) => name),
  followFlag: outlines.filter(({ followsFlag }) => followsFlag).map(({ name }) => name),
}));

function planStep(
  config: RolloutConfig,
  phaseNumber: number,
  outlines: StepOutline[],
  { name, step, deadlineSeconds, followsFlag = false, fields }: StepOutline,
): PlannedStep {
  const phase = phaseNames[phaseNumber];
  const identity = { stack: config.stack, phase, step: name, evidenceUrl: config.evidence.url };
  const base = { specVersion: 1, identity, generation: 1, deadlineSeconds };
  const spec = step.spec.parse({ ...base, ...fields(config, outlines) });
  return { phaseNumber, step, followsFlag, spec };
}

/** Every step of the wanted phases, in order, as the configuration wants it. Pure. */
export function planSteps(config: RolloutConfig): PlannedStep[] {
  return OUTLINE.slice(0, config.phase + 1).flatMap((outlines, phaseNumber) =>
    outlines.map((outline) => planStep(config, phaseNumber, outlines, outline)),
  );
}

/** The steps above the wanted phases of which anything is left, in order, as they were begun. Pure. */
export function planLeaving(
  { phase }: Pick<RolloutConfig, "phase">,
  entryOf: (phase: string, step: string) => Entry | undefined,
): (PlannedStep & { entry: Entry })[] {
  return OUTLINE.flatMap((outlines, phaseNumber) =>
    outlines.flatMap(({ name, step, followsFlag = false }) => {
      const entry = phaseNumber > phase ? entryOf(phaseNames[phaseNumber] as string, name) : undefined;
      if (!entry || entry.state === "undone") return [];
      return [{ phaseNumber, step, followsFlag, spec: step.spec.parse(entry.spec), entry }];
    }),
  );
}
