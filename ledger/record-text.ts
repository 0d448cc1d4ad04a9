import type { EventRecord, EvidenceRecord } from "./record.ts";

/** The process's user who wrote a record. */
export const userAtHost = ({ user, host }: EvidenceRecord["by"]): string => `${user}@${host}`;

/** The person behind a record where it names one, else the process's user. */
export const personOf = (record: EvidenceRecord): string =>
  record.record === "event" && record.event === "point-checked" ? record.checkedBy : userAtHost(record.by);

/** An event in one line, for people. Pure. */
export function describeEvent(event: EventRecord): string {
  if (event.event !== "point-checked") return `${event.event}: ${event.note}`;
  const note = event.note === undefined ? "" : ` (${event.note})`;
  return `ticked for ${event.phase}/${event.step}: ${event.point}${note}`;
}
