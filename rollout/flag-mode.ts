import { type Entry, entryKey } from "../ledger/entries.ts";
import type { PhaseSteps } from "../ledger/progress.ts";

/** The flag that a step was last done with: as its own value, or as what it builds on. */
export function flagOf(spec: Record<string, unknown> | undefined): unknown {
  const { value, basis } = (spec ?? {}) as { value?: unknown; basis?: { flag?: unknown } };
  return value ?? basis?.flag;
}

interface Wanted {
  phase: number;
  flag: boolean;
}

/**
 * True where nothing but the flag is to be changed: every step of the wanted phases was done in this attempt, nothing
 * above is left, and a step that follows the flag was last done with another one. One of these may be half-done: a flip
 * that was killed is gone on with as a flip, and needs no database. Pure.
 */
export function isFlagOnly(
  { phase, flag }: Wanted,
  entries: ReadonlyMap<string, Entry>,
  plan: PhaseSteps,
): boolean {
  const wanted = plan.slice(0, phase + 1);
  const above = new Set(plan.slice(phase + 1).map((other) => other.phase));
  if ([...entries.values()].some((entry) => above.has(entry.phase) && entry.state !== "undone")) return false;
  const steps = wanted.flatMap(({ phase: name, steps: names, followFlag }) =>
    names.map((step) => ({
      entry: entries.get(entryKey({ phase: name, step })),
      follows: followFlag.includes(step),
    })),
  );
  const whole = steps.every(({ entry, follows }) => {
    if (!entry?.doneSpec || entry.state === "undone") return false;
    return follows || entry.state === "done";
  });
  const followers = steps.filter(({ follows }) => follows);
  return whole && followers.some(({ entry }) => flagOf(entry?.doneSpec) !== flag);
}
