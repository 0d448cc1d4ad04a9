import type { Entry } from "./entries.ts";
import type { FinishedRecord } from "./record.ts";

/** Who closed the book, when, and why. */
export interface Finished {
  /** UTC, ISO 8601. */
  at: string;
  /** `user on host`. */
  by: string;
  reason: string;
  /** Number of its record. */
  number: number;
}

export function finishedBy({ at, by, reason, number }: FinishedRecord): Finished {
  return { at, by: `${by.user} on ${by.host}`, reason, number };
}

/** Whether what is left of the rollout stays for good; undefined while it can be undone, or nothing is left. Pure. */
export function finishedOf(entries: ReadonlyMap<string, Entry>): Finished | undefined {
  return [...entries.values()].find(({ state, finished }) => state !== "undone" && finished)?.finished;
}

/** What an undo, a gauge and a preview say then. */
export function staysLine({ at, by }: Finished): string {
  return `finished on ${at} by ${by}: the data stays, and so do release and constraint; nothing is undone`;
}
