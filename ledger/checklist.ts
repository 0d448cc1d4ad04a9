import { z } from "zod";
import { type Entry, entryKey } from "./entries.ts";
import type { EvidenceRecord } from "./record.ts";

/** What a step leaves in its result when people have to look at something. Other fields are its own. */
export const Checklist = z.object({
  /** What is looked at, e.g. two commits. A tick counts for this alone. */
  subject: z.string(),
  points: z.array(z.string()),
  /** Who ticked all points in the step's own run; people tick them later, by records of their own. */
  checkedBy: z.string().optional(),
});
export type Checklist = z.infer<typeof Checklist>;

/** Who found a point right, and when. */
export interface Tick {
  checkedBy: string;
  /** UTC, ISO 8601. */
  at: string;
  note?: string;
}

/** Which ticks count: those of one step, of what it is about now, and of this attempt. */
export interface TickScope {
  phase: string;
  step: string;
  subject: string;
  /** Number of the record that the attempt began with: `Entry.since`. */
  since: number;
}

/** The points that people ticked, each with its first tick. Pure. */
export function tickedPoints(records: readonly EvidenceRecord[], scope: TickScope): Map<string, Tick> {
  const ticks = new Map<string, Tick>();
  for (const record of records) {
    if (record.record !== "event" || record.event !== "point-checked") continue;
    const { number, subject, point, checkedBy, at, note } = record;
    if (number <= scope.since || entryKey(record) !== entryKey(scope) || subject !== scope.subject) continue;
    if (!ticks.has(point)) ticks.set(point, { checkedBy, at, ...(note === undefined ? {} : { note }) });
  }
  return ticks;
}

/** One point of a step's checklist. */
export interface Point {
  phase: string;
  step: string;
  subject: string;
  point: string;
  /** Absent while nobody has ticked it. */
  tick?: Tick;
}

/** The points of a finished step; none for a step without a checklist, or one that is not done. Pure. */
export function pointsOf(entry: Entry | undefined, records: readonly EvidenceRecord[]): Point[] {
  const checklist = entry?.state === "done" ? Checklist.safeParse(entry.result).data : undefined;
  if (!entry || !checklist) return [];
  const { phase, step, since, doneAt = "" } = entry;
  const { subject, points, checkedBy } = checklist;
  const ticks = tickedPoints(records, { phase, step, since, subject });
  return points.map((point) => {
    const tick = ticks.get(point) ?? (checkedBy === undefined ? undefined : { checkedBy, at: doneAt });
    return { phase, step, subject, point, ...(tick ? { tick } : {}) };
  });
}

/** Why the gate of the phase is shut for a point that nobody has ticked. */
export function untickedLine({ point }: Pick<Point, "point">): string {
  return `expected the point "${point}" to be ticked, got no tick. Look at it, then: npx rollout checklist`;
}
