import type { RolloutConfig } from "../config/schema.ts";
import type { Entry } from "../ledger/entries.ts";
import type { PhaseSteps } from "../ledger/progress.ts";
import { PHASES } from "../phases/index.ts";
import type { PhaseRow, PhaseTable } from "../phases/table.ts";
import type { BaseSpec, Step } from "../steps/step.ts";

/** One step of the rollout as the configuration wants it. */
export interface PlannedStep {
  phaseNumber: number;
  step: Step;
  /** Its spec holds the flag: it alone runs again when only the flag is changed. */
  followsFlag: boolean;
  /** Name of the step, earlier in its phase, whose outcome this one is about: it is done again whenever that one is. */
  follows?: string;
  /** Complete but for its generation, which observation decides (1 here). */
  spec: BaseSpec;
}

/** The steps of each built phase by name: what progress is measured against. */
export const PHASE_PLAN: PhaseSteps = PHASES.map(({ name, rows }) => ({
  phase: name,
  steps: rows.map((row) => row.name),
  followFlag: rows.filter(({ followsFlag }) => followsFlag).map((row) => row.name),
}));

function planRow({ step, followsFlag, follows }: PhaseRow, phaseNumber: number, spec: BaseSpec): PlannedStep {
  return { phaseNumber, step, followsFlag, ...(follows ? { follows: follows.name } : {}), spec };
}

function specOf(config: RolloutConfig, { name, rows }: PhaseTable, row: PhaseRow): BaseSpec {
  const { stack, evidence } = config;
  const identity = { stack, phase: name, step: row.name, evidenceUrl: evidence.url };
  const { deadlineSeconds } = row;
  const base = { specVersion: 1 as const, identity, generation: 1, deadlineSeconds };
  return row.planSpec(config, base, rows.slice(0, rows.indexOf(row)));
}

/** Every step of the wanted phases, in order, as the configuration wants it. Pure. */
export function planSteps(config: RolloutConfig): PlannedStep[] {
  return PHASES.slice(0, config.phase + 1).flatMap((phase) =>
    phase.rows.map((row) => planRow(row, phase.number, specOf(config, phase, row))),
  );
}

/** The steps above the wanted phases of which anything is left, in order, as they were begun. Pure. */
export function planLeaving(
  wanted: Pick<RolloutConfig, "phase">,
  entryOf: (phase: string, step: string) => Entry | undefined,
): (PlannedStep & { entry: Entry })[] {
  return PHASES.slice(wanted.phase + 1).flatMap(({ number, name, rows }) =>
    rows.flatMap((row) => {
      const entry = entryOf(name, row.name);
      if (!entry || entry.state === "undone") return [];
      return [{ ...planRow(row, number, row.step.spec.parse(entry.spec)), entry }];
    }),
  );
}
