import { phaseTitle } from "../config/phase.ts";
import type { Progress } from "../ledger/progress.ts";

/** What a run is for. Only `advance` and `hold` repair drift; going back is never blocked by a fault of the target. */
export type Mode = "advance" | "hold" | "lower";

/** Pure: from the phase that is wanted and the progress that the evidence shows. */
export function modeOf(wanted: number, { actual, reached }: Progress): Mode {
  if (reached !== null && wanted < reached) return "lower";
  return actual === wanted ? "hold" : "advance";
}

/**
 * Why the wanted phase can't be had in one step, or nothing: phases rise one at a time, each behind its gate.
 * A phase that was begun may always be gone on with: a repair that failed in an earlier one, or a step that a newer
 * release adds there, would else leave no way but back.
 */
export function refuseJump(wanted: number, { actual, reached }: Progress, stack: string): string[] {
  const next = Math.max(actual === null ? 0 : actual + 1, reached ?? 0);
  if (wanted <= next) return [];
  const done = actual === null ? "no phase is done yet" : `${phaseTitle(actual)} is done`;
  return [
    `config: expected phase ${next} at the most, since ${done} and phases rise one at a time, got ${wanted}. ` +
      `Set it: pulumi config set phase ${next} --stack ${stack}`,
  ];
}
