import type { DealFault } from "./regression-judge.ts";

/** What can be wrong with a deal. */
export const REGRESSIONS = {
  different: "the output is not what it was, or not what the rules ask for",
  failing: "there was an answer, and now there is none",
  missing: "not in the later snapshot, and nobody is known to have deleted it",
  extra: "in the later snapshot alone, though the row is older than the earlier one",
} as const;

/** What users did meanwhile, and what became better. */
export const EXPLAINED = {
  changed: "edited by a user in between, so there is nothing to compare with",
  deleted: "deleted by a user",
  created: "created after the earlier snapshot",
  mended: "there was no answer, and now there is one",
  unanswered: "no answer before and now",
  accepted: "regression.accepted says why it differs",
} as const;

export type RegressionClass = keyof typeof REGRESSIONS;
export type FindingClass = RegressionClass | keyof typeof EXPLAINED;

/** What was found of one deal that is not simply as it was. */
export interface Finding {
  key: string;
  /** Its type now; as it was, for a deal that is gone. */
  type: string | null;
  class: FindingClass;
  /** Without the output's values: they may be personal. */
  faults: DealFault[];
  /** Why it is accepted. */
  reason?: string;
}

export const isRegression = (found: Pick<Finding, "class">): boolean =>
  Object.hasOwn(REGRESSIONS, found.class);

/** How far a deal is off: what is missing or fails before what differs in kind, then costs by how many times they are off. */
export function severityOf({ class: what, faults }: Finding): number {
  if (what !== "different") return Number.POSITIVE_INFINITY;
  // For the order of a list alone; what decides is computed with decimals.
  const off = faults.map(({ times }) => (times === undefined ? 1e9 : Math.abs(Number(times) - 1)));
  return Math.max(0, ...off);
}
