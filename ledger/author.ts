import type { EvidenceRecord } from "./record.ts";

/** The process's user who wrote a record. */
export const userAtHost = ({ user, host }: EvidenceRecord["by"]): string => `${user}@${host}`;

/** The person behind a record where it names one, else the process's user. */
export const personOf = (record: EvidenceRecord): string =>
  record.record === "event" && record.event === "point-checked" ? record.checkedBy : userAtHost(record.by);
