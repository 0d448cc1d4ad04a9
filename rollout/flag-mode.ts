import { z } from "zod";
import { type Entry, entryKey } from "../ledger/entries.ts";
import type { PhaseSteps } from "../ledger/progress.ts";

/** Where a spec may hold the flag. */
const WithFlag = z.object({
  value: z.unknown().optional(),
  basis: z.looseObject({ flag: z.unknown().optional() }).optional(),
});

/** The flag that a step was last done with: as its own value, or as what it builds on. */
export function flagOf(spec: Record<string, unknown> | undefined): unknown {
  const { value, basis } = WithFlag.safeParse(spec).data ?? {};
  return value ?? basis?.flag;
}

/** The spec with this flag in the place where it holds one. Pure. */
function withFlag(spec: Record<string, unknown>, flag: boolean): Record<string, unknown> {
  if ("value" in spec) return { ...spec, value: flag };
  return { ...spec, basis: { ...WithFlag.parse(spec).basis, flag } };
}

/**
 * Every step that follows the flag, in order, as it was last done (else as it was last begun), with this flag and a
 * generation that was never used: what can be run when nobody can read the configuration. Pure.
 */
export function flagStepsOf(
  entries: ReadonlyMap<string, Entry>,
  plan: PhaseSteps,
  flag: boolean,
): { kind: string; spec: Record<string, unknown> }[] {
  const names = plan.flatMap(({ phase, steps, followFlag }) =>
    steps.filter((step) => followFlag.includes(step)).map((step) => entryKey({ phase, step })),
  );
  return names.flatMap((name) => {
    const entry = entries.get(name);
    const last = entry?.doneSpec ?? entry?.spec;
    // One that took the flag out altogether has none to switch.
    if (!entry || entry.state === "undone" || !last || typeof flagOf(last) !== "boolean") return [];
    const spec = withFlag(last, flag);
    return [{ kind: entry.kind, spec: { ...spec, generation: entry.generation + 1 } }];
  });
}

interface Wanted {
  phase: number;
  flag: boolean;
}

/** Whether a step was last begun or last done with another flag than this. */
function differs({ spec, doneSpec }: Entry, flag: boolean): boolean {
  return [spec, doneSpec].map(flagOf).some((seen) => typeof seen === "boolean" && seen !== flag);
}

/**
 * True where a run is to change the flag and nothing else: nothing above the wanted phases is left, and a step that
 * follows the flag was last begun or done with another one.
 *
 * On asks for the rest to be whole, since the new behaviour builds on it. Off is the way back: whatever else is
 * half-done, failed or was never reached is no obstacle to it. Pure.
 */
export function isFlagOnly(
  { phase, flag }: Wanted,
  entries: ReadonlyMap<string, Entry>,
  plan: PhaseSteps,
): boolean {
  const above = new Set(plan.slice(phase + 1).map((other) => other.phase));
  if ([...entries.values()].some((entry) => above.has(entry.phase) && entry.state !== "undone")) return false;
  const steps = plan.slice(0, phase + 1).flatMap(({ phase: name, steps: names, followFlag }) =>
    names.map((step) => {
      const entry = entries.get(entryKey({ phase: name, step }));
      return { entry: entry?.state === "undone" ? undefined : entry, follows: followFlag.includes(step) };
    }),
  );
  const whole = steps.every(({ entry, follows }) => entry?.doneSpec && (follows || entry.state === "done"));
  if (flag && !whole) return false;
  return steps.some(({ entry, follows }) => follows && entry !== undefined && differs(entry, flag));
}
