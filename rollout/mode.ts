import { phaseTitle } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import type { Entry } from "../ledger/entries.ts";
import { type Finished, finishedOf } from "../ledger/finished.ts";
import type { Progress } from "../ledger/progress.ts";
import { isFlagOnly } from "./flag-mode.ts";
import { PHASE_PLAN } from "./plan.ts";

/**
 * What a run is for. Only `advance` and `hold` repair drift; going back, and a flip of the flag, are never blocked by
 * a fault of what they do not touch.
 */
export type Mode = "advance" | "hold" | "flag" | "lower";

/** Pure: from what is wanted and what the evidence shows. */
export function modeOf(
  { phase, flag }: Pick<RolloutConfig, "phase" | "flag">,
  { actual, reached }: Progress,
  entries: ReadonlyMap<string, Entry>,
): Mode {
  if (reached !== null && phase < reached) return "lower";
  if (finishedOf(entries)) return "hold";
  if (isFlagOnly({ phase, flag }, entries, PHASE_PLAN)) return "flag";
  return actual === phase ? "hold" : "advance";
}

/**
 * Why the wanted phase can't be had in one step, or nothing: phases rise one at a time, each behind its gate.
 * A phase that was begun may always be gone on with: a repair that failed in an earlier one, or a step that a newer
 * release adds there, would else leave no way but back.
 */
export function refuseJump(
  wanted: number,
  { actual, reached, finished }: Progress & { finished?: Finished },
  stack: string,
): string[] {
  if (finished) return refuseMove(wanted, reached, finished, stack);
  const next = Math.max(actual === null ? 0 : actual + 1, reached ?? 0);
  if (wanted <= next) return [];
  const done = actual === null ? "no phase is done yet" : `${phaseTitle(actual)} is done`;
  return [
    `config: expected phase ${next} at the most, since ${done} and phases rise one at a time, got ${wanted}. ` +
      `Set it: pulumi config set phase ${next} --stack ${stack}`,
  ];
}

/** A lower number would promise what cannot be had: the journal that the way back needs is gone. */
function refuseMove(wanted: number, reached: number | null, { at, by }: Finished, stack: string): string[] {
  if (wanted === reached || reached === null) return [];
  return [
    `config: expected phase ${reached}, since the rollout was finished on ${at} by ${by} and stays as it is, got ${wanted}. ` +
      `Set it back: pulumi config set phase ${reached} --stack ${stack}. ` +
      "`npx rollout destroy` takes the stack apart and leaves the data alone.",
  ];
}
