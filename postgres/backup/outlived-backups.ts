import type { Keep } from "../../config/keep.ts";
import { readProof } from "./dump-proof.ts";
import { type BrokenBackup, isBroken, listBackups, type StoredBackup } from "./dump-store.ts";

/** A backup of a stack, and whether a restore of it was compared. */
export interface KeptBackup {
  backup: StoredBackup;
  proven: boolean;
}

/** Those of a stack, newest first, and those of which nobody can tell whose they are. */
export async function listOfStack(
  root: string,
  stack: string,
): Promise<{ own: KeptBackup[]; broken: BrokenBackup[] }> {
  const all = await listBackups(root);
  const own = all.filter(
    (backup): backup is StoredBackup => !isBroken(backup) && backup.manifest.stack === stack,
  );
  return {
    own: await Promise.all(
      own.map(async (backup) => ({ backup, proven: (await readProof(backup)) !== undefined })),
    ),
    broken: all.filter(isBroken),
  };
}

export interface OutlivedOptions {
  keep: Keep;
  /** Is it needed by the present attempt? */
  isNeeded(sha256: string): boolean;
  now: Date;
  /** Proven backups, newer than all of these, that are still to come in this run. */
  coming?: number;
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * Backups that `keep` lets go, of a list newest first: older than a proven one, needed by nobody, beyond number and
 * age. The newest proven one always stays, and so does whatever is newer than it. Pure.
 */
export function findOutlived(
  backups: readonly KeptBackup[],
  { keep, isNeeded, now, coming = 0 }: OutlivedOptions,
): StoredBackup[] {
  let newer = coming;
  const outlived: StoredBackup[] = [];
  for (const { backup, proven } of backups) {
    const { startedAt } = backup.manifest;
    const beyond = newer >= (keep.proven ?? 1);
    const old = keep.days === undefined || now.getTime() - Date.parse(startedAt) > keep.days * DAY_MS;
    if (beyond && old && !isNeeded(backup.sha256)) outlived.push(backup);
    if (proven) newer += 1;
  }
  return outlived;
}
