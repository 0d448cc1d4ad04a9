import { phaseNames } from "../config/phase.ts";
import type { PlanSection } from "../config/plan.ts";
import type { PhaseSpan } from "../ledger/timeline.ts";

/** A phase as it was planned beside what became of it. */
export interface PlannedPhase {
  phase: string;
  week: number;
  plannedHours: number;
  /** First day of its week; undefined without a plan's date. */
  plannedOn?: string;
  actual?: PhaseSpan;
}

const WEEK_MS = 7 * 86_400_000;

/** The runbook's timeline, one phase a week, against the evidence. Pure. @see runbook "Rollout Timeline" */
export function planAgainstActual(
  { startsOn, hours }: PlanSection,
  spans: readonly PhaseSpan[],
): PlannedPhase[] {
  return phaseNames.map((phase, week) => {
    const actual = spans.find((span) => span.phase === phase);
    const day = startsOn && new Date(Date.parse(startsOn) + week * WEEK_MS).toISOString().slice(0, 10);
    return {
      ...{ phase, week, plannedHours: hours[week] ?? 0 },
      ...(day ? { plannedOn: day } : {}),
      ...(actual ? { actual } : {}),
    };
  });
}
