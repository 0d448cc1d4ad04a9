import type { EvidenceRecord } from "./record.ts";

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
