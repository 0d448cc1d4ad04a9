import type { Entry } from "./entries.ts";
import { entryKey } from "./entries.ts";

/** The steps of each phase, phase 0 first, as this release builds them; which of them follow the flag. */
export type PhaseSteps = { phase: string; steps: string[]; followFlag: string[] }[];

/** How far a rollout has come, by its evidence. */
export interface Progress {
  /** Highest phase of which, and of all below, every step is done and none undone. Null before phase 0 is done. */
  actual: number | null;
  /** Highest phase of which anything is left, half-done included. Null when nothing is. */
  reached: number | null;
}

/** Pure. */
export function progressOf(entries: Map<string, Entry>, phases: PhaseSteps): Progress {
  let actual: number | null = null;
  let reached: number | null = null;
  phases.forEach(({ phase, steps }, number) => {
    const complete = steps.every((step) => entries.get(entryKey({ phase, step }))?.state === "done");
    if (complete && (number === 0 || actual === number - 1)) actual = number;
    const left = [...entries.values()].some((entry) => entry.phase === phase && entry.state !== "undone");
    if (left) reached = number;
  });
  return { actual, reached };
}
