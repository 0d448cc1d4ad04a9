import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { readServerIdentity } from "../../postgres/backup/dump-inventory.ts";
import type { Manifest } from "../../postgres/backup/dump-manifest.ts";
import { shorten } from "../../postgres/backup/dump-rights.ts";
import { isBroken, listBackups, type StoredBackup, shownPath } from "../../postgres/backup/dump-store.ts";
import { compareContents } from "../../postgres/backup/dump-verify.ts";
import type { StepDeps } from "../step.ts";

/** Which backup is to be proven. */
export interface ProofSource {
  stack: string;
  phase: string;
  /** Name of the backup step within that phase. */
  step: string;
  /** SHA-256 of its manifest, when a certain one is meant. */
  sha256?: string | undefined;
}

const refuse = (expected: string, found: string): never => {
  throw new StepError(`restore-proof: expected ${expected}, got ${found}. Take a new backup.`);
};

/** The newest backup of that step which was not taken back. @throws {StepError} when there is none, or a damaged one. */
export async function findProofSource(root: string, source: ProofSource): Promise<StoredBackup> {
  const { stack, phase, step, sha256 } = source;
  const what = `a backup of ${stack}/${phase}/${step} in ${shownPath(root)}`;
  for (const backup of await listBackups(root)) {
    if (isBroken(backup)) {
      // Whose it was can no longer be told. By its name it is newer than any sound one that follows.
      return refuse(what, `a damaged one: ${shownPath(backup.folder)}: ${backup.reason}`);
    }
    const { manifest, released } = backup;
    if (released || manifest.stack !== stack || manifest.phase !== phase || manifest.step !== step) continue;
    if (sha256 !== undefined && backup.sha256 !== sha256) continue;
    return backup;
  }
  return refuse(what, "none");
}

/** Refuses a backup that is not of the connected database: of another server, or of one that was since replaced. */
export async function assertSameDatabase(client: Client, { server }: Manifest): Promise<void> {
  const live = await readServerIdentity(client);
  if (live.database !== server.database)
    refuse(`a backup of database ${live.database}`, `one of ${server.database}`);
  if (live.systemIdentifier !== server.systemIdentifier || live.databaseOid !== server.databaseOid) {
    refuse(
      `a backup of this server's ${live.database} (system ${live.systemIdentifier}, oid ${live.databaseOid})`,
      `one of another database of that name (system ${server.systemIdentifier}, oid ${server.databaseOid})`,
    );
  }
}

/** Refuses a backup of another day, or of the future. */
export function assertRecent({ startedAt }: Manifest, maxAgeHours: number, now: Date): void {
  const hours = (now.getTime() - Date.parse(startedAt)) / 3_600_000;
  if (hours > maxAgeHours || hours < -1)
    refuse(`a backup of the last ${maxAgeHours} hours`, `one of ${startedAt} (now ${now.toISOString()})`);
}

/** Refuses a backup of which a single byte differs from its manifest. */
export async function assertIntact(backup: StoredBackup, deps: StepDeps): Promise<void> {
  const faults = await compareContents(backup, deps.signal);
  if (faults.length > 0)
    refuse(`backup ${shownPath(backup.folder)} to be as its manifest lists it`, shorten(faults));
}
