import { validatedAt } from "../ledger/audits.ts";
import { entryKey } from "../ledger/entries.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";

/** Rollbacks and toggles, and from when on they were looked for. */
export interface Toggles {
  /** UTC. */
  since: string;
  found: { what: string; record: string }[];
  /** Phase 4 is finished in this attempt. */
  finished: boolean;
}

const DAY_MS = 86_400_000;

/** Numbers of the applies that gave the flag another value than it had. */
function flips(records: readonly EvidenceRecord[]): Map<number, string> {
  const found = new Map<number, string>();
  let before: unknown;
  for (const record of records) {
    if (record.record !== "begin" || record.kind !== "env-flag" || record.verb !== "apply") continue;
    const { value } = record.spec;
    if (before !== undefined && value !== before)
      found.set(record.number, `flag set to ${value} instead of ${before}`);
    before = value;
  }
  return found;
}

/**
 * What went back or was toggled in the past days, from the evidence: undos, flag switches, a flag written with another
 * value. What came before the end of phase 4 does not count: the rollout itself switches flag and releases. Pure.
 */
export function findToggles(
  records: readonly EvidenceRecord[],
  { now, days }: { now: Date; days: number },
): Toggles {
  const validated = validatedAt(records);
  const start = new Date(now.getTime() - days * DAY_MS).toISOString();
  const since = validated && validated.at > start ? validated.at : start;
  const flipped = flips(records);
  const found = records.flatMap((record) => {
    if (record.at < since || record.number <= (validated?.number ?? 0)) return [];
    const what = describe(record) ?? flipped.get(record.number);
    return what ? [{ what: `${what} (${record.at})`, record: recordFileName(record) }] : [];
  });
  return { since, found, finished: validated !== undefined };
}

function describe(record: EvidenceRecord): string | undefined {
  if (record.record === "event")
    return record.event === "flag-switched" ? `flag switched ${record.note}` : undefined;
  return record.record === "begin" && record.verb === "undo" ? `undo of ${entryKey(record)}` : undefined;
}
