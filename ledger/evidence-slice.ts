import type { Head } from "./chain.ts";
import type { EvidenceRecord } from "./record.ts";

/**
 * The records that a step can tell of: all but its own at the end. So a run that broke off and its repetition tell of the
 * same evidence, to the byte. Pure.
 */
export function recordsBefore(
  records: readonly EvidenceRecord[],
  { phase, step }: { phase: string; step: string },
): EvidenceRecord[] {
  const isOwn = (record: EvidenceRecord) =>
    record.record !== "event" && record.phase === phase && record.step === step;
  let end = records.length;
  while (end > 0 && isOwn(records[end - 1] as EvidenceRecord)) end -= 1;
  return records.slice(0, end);
}

/** Where these records end. */
export function headOf(records: readonly EvidenceRecord[]): Head {
  const { number = 0, hash = "" } = records.at(-1) ?? {};
  return { number, hash };
}
