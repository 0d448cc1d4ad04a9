import { findOpenings, showInstant } from "../config/opening.ts";
import { phaseTitle } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import type { WindowSection } from "../config/window.ts";
import { showDuration } from "../system/duration.ts";
import type { Survey } from "./observe-all.ts";

/** The phase that the window is for: the first that changes the target. */
const GUARDED_PHASE = 1;

const showWindow = ({ days, from, to, timeZone }: WindowSection) =>
  `${days.join(", ")} ${from}–${to} ${timeZone}`;

/** Estimates are no better than minutes. */
const showMinutes = (seconds: number) => showDuration(60 * Math.ceil(seconds / 60));

/** What phase 1 is expected to take, seconds; 0 where nothing was looked at. */
function estimate({ steps }: Pick<Survey, "steps">): number {
  return steps
    .filter(({ planned, action }) => planned.phaseNumber === GUARDED_PHASE && action === "apply")
    .reduce((sum, { observation }) => sum + (observation?.estimateSeconds ?? 0), 0);
}

/**
 * Why phase 1 may not begin now: outside of the window, or too late in it for what it is expected to take. Nothing
 * when phase 1 was done before: repairs are not held up, and neither is the way back. Pure.
 */
export function refuseOutsideWindow(
  { window, phase }: Pick<RolloutConfig, "window" | "phase">,
  { mode, actual, steps }: Pick<Survey, "mode" | "actual" | "steps">,
  now: Date,
): string[] {
  const entering = mode === "advance" && phase >= GUARDED_PHASE && (actual ?? -1) < GUARDED_PHASE;
  if (!window || !entering) return [];
  const { current, next } = findOpenings(window, now);
  const show = (at: Date) => showInstant(at, window.timeZone);
  const opens = `It opens next at ${show(next.opens)}, until ${show(next.closes)}.`;
  if (!current) {
    const expected = `expected ${showWindow(window)} for ${phaseTitle(GUARDED_PHASE)}, got ${show(now)}`;
    return [`window: ${expected}. ${opens} Run \`up\` then, or change \`window\` in the stack config.`];
  }
  const needed = estimate({ steps });
  const left = (current.closes.getTime() - now.getTime()) / 1000;
  if (needed <= left) return [];
  return [
    `window: expected ${showMinutes(needed)} for ${phaseTitle(GUARDED_PHASE)} before the window closes at ` +
      `${show(current.closes)}, got ${showMinutes(left)}. ${opens} Run \`up\` then, or widen \`window\`.`,
  ];
}
