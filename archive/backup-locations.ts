import type { EvidenceRecord } from "../ledger/record.ts";
import { notProvenOf, showNotProven } from "../postgres/backup/left-out.ts";

/** Where a backup lies. The archive holds none: they are large, and erased when they have served. */
export interface BackupLocation {
  path: string;
  sha256: string;
  takenAt: string;
  /** When a restore of it was compared with the original. */
  provenAt: string | null;
  /** What that restore left out, with the reason. */
  notProven: string[];
  by: string;
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

/** Every backup that was ever taken, in the order of the evidence. Pure. @see runbook 4.6 */
export function backupLocations(records: readonly EvidenceRecord[]): BackupLocation[] {
  const done = records.flatMap((record) =>
    record.record === "end" && record.verb === "apply" && record.outcome === "done" ? [record] : [],
  );
  const proofs = new Map(
    done.filter(({ kind }) => kind === "restore-proof").map(({ result }) => [text(result?.sha256), result]),
  );
  return done
    .filter(({ kind, result }) => kind === "backup" && text(result?.sha256) !== "")
    .map(({ result, phase, step }) => ({
      ...{ path: text(result?.path), sha256: text(result?.sha256), takenAt: text(result?.takenAt) },
      provenAt: text(proofs.get(text(result?.sha256))?.provenAt) || null,
      notProven: notProvenOf(proofs.get(text(result?.sha256))).map(showNotProven),
      by: `${phase}/${step}`,
    }));
}
