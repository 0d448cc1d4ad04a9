import type { Client } from "pg";
import type { Encryption } from "../../config/encryption.ts";
import { readServerIdentity } from "../../postgres/backup/dump-inventory.ts";
import { type BackupMethod, methodOf } from "../../postgres/backup/dump-manifest.ts";
import { readProof } from "../../postgres/backup/dump-proof.ts";
import { isBroken, listBackups, type StoredBackup, shownPath } from "../../postgres/backup/dump-store.ts";
import { compareContents, compareSizes } from "../../postgres/backup/dump-verify.ts";
import type { BaseSpec, Drift, StepDeps } from "../step.ts";

/** Age up to which a backup of a run that broke off is as good as a new one. */
const REUSE_MS = 60 * 60 * 1000;

/** Age up to which a backup can be proven: an older one is no proof of anything that a rollout could go back to. */
export const PROOF_AGE_HOURS = 24;

/** What of a backup step's spec tells its backups from others. */
type OwnSpec = BaseSpec & { method: BackupMethod; encryption?: Encryption | undefined };

/** The newest backup that this step took in this attempt and generation, and folders that can't be read. */
export async function findOwnBackup(
  root: string,
  { identity, generation, method, encryption }: OwnSpec,
): Promise<{ own?: StoredBackup; broken: string[] }> {
  const all = await listBackups(root);
  const broken = all.filter(isBroken).map(({ folder, reason }) => `${shownPath(folder)}: ${reason}`);
  const own = all.find(
    (backup): backup is StoredBackup =>
      !isBroken(backup) &&
      !backup.released &&
      backup.manifest.stack === identity.stack &&
      backup.manifest.phase === identity.phase &&
      backup.manifest.step === identity.step &&
      backup.manifest.generation === generation &&
      methodOf(backup.manifest) === method &&
      String(backup.manifest.encryption?.recipients) === String(encryption?.recipients),
  );
  return { broken, ...(own ? { own } : {}) };
}

/** A backup that nobody proved in time never will be: it has to be taken anew. */
async function missedProof(own: StoredBackup, now: Date): Promise<Drift[]> {
  const hours = (now.getTime() - Date.parse(own.manifest.startedAt)) / 3_600_000;
  if (hours <= PROOF_AGE_HOURS || (await readProof(own))) return [];
  const expected = `a backup that was proven, or is no older than ${PROOF_AGE_HOURS} hours`;
  return [
    { expected, observed: `${shownPath(own.folder)} of ${own.manifest.startedAt}, which was not proven` },
  ];
}

/** How the backup that a finished step left behind differs now. Cheap: presence and sizes. */
export async function findDrift(
  root: string,
  spec: OwnSpec,
  now: Date,
): Promise<{ own?: StoredBackup; drift: Drift[] }> {
  const { own, broken } = await findOwnBackup(root, spec);
  if (!own) {
    const observed = broken.length > 0 ? `none, but ${broken.join("; ")}` : "none";
    return { drift: [{ expected: `a backup of this step in ${shownPath(root)}`, observed }] };
  }
  const faults = await compareSizes(own);
  const expected = `backup ${shownPath(own.folder)} as its manifest lists it`;
  if (faults.length > 0) return { own, drift: [{ expected, observed: faults.join("; ") }] };
  return { own, drift: await missedProof(own, now) };
}

/** A backup of a run that broke off just after it was finished: recent, of this very database, every byte as taken. */
export async function findReusable(
  client: Client,
  root: string,
  spec: OwnSpec,
  deps: StepDeps,
): Promise<StoredBackup | undefined> {
  const { own } = await findOwnBackup(root, spec);
  if (!own) return undefined;
  const age = deps.now().getTime() - Date.parse(own.manifest.startedAt);
  const server = await readServerIdentity(client);
  const same =
    server.systemIdentifier === own.manifest.server.systemIdentifier &&
    server.databaseOid === own.manifest.server.databaseOid &&
    server.database === own.manifest.server.database;
  if (!same || age < 0 || age > REUSE_MS) return undefined;
  const faults = await compareContents(own, deps.signal);
  if (faults.length === 0) return own;
  deps.log(`the earlier backup ${shownPath(own.folder)} is damaged (${faults.join("; ")}): taking a new one`);
  return undefined;
}
