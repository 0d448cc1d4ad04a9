import type { EvidenceRecord } from "./record.ts";

/** Kind of the step whose end is the end of phase 4's work: from then on the days are counted. */
const SCHEDULING = "scheduled-audit";
const DAY_MS = 86_400_000;

/** When phase 4 was finished in this attempt, for the first time: a repair later on does not begin the days anew. */
export interface Validated {
  /** UTC. */
  at: string;
  /** Of the record that says so. */
  number: number;
}

/** Undefined before phase 4 is finished, and after it was taken back. Pure. */
export function validatedAt(records: readonly EvidenceRecord[]): Validated | undefined {
  let validated: Validated | undefined;
  for (const record of records) {
    if (record.record === "event" && record.event === "target-replaced") validated = undefined;
    if (record.record === "event" || record.kind !== SCHEDULING) continue;
    if (record.verb === "undo") validated = undefined;
    else if (record.record === "end" && record.outcome === "done")
      validated ??= { at: record.at, number: record.number };
  }
  return validated;
}

/** The moment from which on an audit counts; undefined before phase 4 is finished. Pure. */
export function auditDue(records: readonly EvidenceRecord[], afterDays: number): Date | undefined {
  const validated = validatedAt(records);
  return validated && new Date(Date.parse(validated.at) + afterDays * DAY_MS);
}

/** How the last audit ended. */
export interface AuditOutcome {
  green: boolean;
  /** Before all of the days after phase 4 were over. */
  early: boolean;
  /** `5 green, 2 unknown`. */
  note: string;
  /** UTC, ISO 8601. */
  at: string;
}

/** The newest audit after record `since`; undefined when there was none: one of an earlier attempt does not count. Pure. */
export function latestAudit(records: readonly EvidenceRecord[], since: number): AuditOutcome | undefined {
  const found = records.findLast(
    (record) => record.number > since && record.record === "event" && record.event === "audit",
  );
  return found?.record === "event" && found.event === "audit"
    ? { green: found.green, early: found.early, note: found.note, at: found.at }
    : undefined;
}
