import { basename } from "node:path";
import type { Keep } from "../../config/keep.ts";
import { loadSettings } from "../../config/load.ts";
import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { takeLock } from "../../ledger/lock.ts";
import { needsOf } from "../../ledger/needed-backup.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { countManifestBytes, methodOf } from "../../postgres/backup/dump-manifest.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import { backupFolder, eraseBackup, shownPath } from "../../postgres/backup/dump-store.ts";
import { findOutlived, listOfStack } from "../../postgres/backup/outlived-backups.ts";
import { alignColumns } from "../../system/columns.ts";
import { ensureStack } from "../pulumi.ts";
import { readStackSource } from "../stack-source.ts";

/** Where a stack keeps its backups and its evidence. */
export interface BackupStore {
  stack: string;
  root: string;
  evidence: string;
  keep?: Keep | undefined;
}

/** Reads it from the stack's configuration; the target does not have to run. */
export async function readStore(stack: string): Promise<BackupStore> {
  await ensureStack(stack);
  const { settings } = loadSettings(await readStackSource(stack));
  const { url, keep } = settings.backup;
  return { stack, root: backupFolder(url), evidence: evidenceFolder(settings.evidence.url), keep };
}

const entriesOf = ({ evidence }: BackupStore) => foldEntries(Chain.open(evidence).records);

const HEAD = ["backup", "as of", "way", "size", "proof", "remarks"];

/** One line a backup, newest first: name, moment, way, size, proof, and what needs it. */
export async function listLines(store: BackupStore): Promise<string[]> {
  const { own, broken } = await listOfStack(store.root, store.stack);
  const entries = entriesOf(store);
  const isNeeded = (sha256: string) => needsOf(sha256, entries).length > 0;
  const outlived = store.keep ? findOutlived(own, { keep: store.keep, isNeeded, now: new Date() }) : [];
  const rows = own.map(({ backup, proven }) => {
    const { folder, manifest, sha256 } = backup;
    const needed = needsOf(sha256, entries);
    const remarks = [
      ...(needed.length > 0 ? [`needed by ${needed.join(", ")}`] : []),
      ...(outlived.includes(backup) ? ["beyond backup.keep"] : []),
    ];
    return [
      basename(folder),
      manifest.snapshotAt,
      methodOf(manifest),
      showBytes(countManifestBytes(manifest)),
      proven ? "proven" : "not proven",
      remarks.join("; "),
    ];
  });
  const lines = rows.length > 0 ? alignColumns([HEAD, ...rows], ["left", "left", "left", "right"]) : [];
  const damaged = broken.map(({ folder, reason }) => `${basename(folder)}  damaged: ${reason}`);
  const none = `no backup of stack ${store.stack} in ${shownPath(store.root)}`;
  return lines.length + damaged.length > 0 ? [...lines, ...damaged] : [none];
}

interface Found {
  folder: string;
  about: string;
  /** Why it should stay. */
  reasons: string[];
}

async function findByName(store: BackupStore, name: string | undefined): Promise<Found> {
  const { own, broken } = await listOfStack(store.root, store.stack);
  const damaged = broken.find(({ folder }) => basename(folder) === name);
  if (damaged) return { folder: damaged.folder, about: `${name}, damaged: ${damaged.reason}`, reasons: [] };
  const found = own.find(({ backup }) => basename(backup.folder) === name);
  if (!found) {
    const got = name === undefined ? "no name" : JSON.stringify(name);
    throw new StepError(
      `backups: expected the name of a backup of stack ${store.stack}, got ${got}. ` +
        `See them: npx rollout backups list --stack ${store.stack}`,
    );
  }
  const { folder, manifest, sha256 } = found.backup;
  const newest = own.find(({ proven }) => proven) === found;
  const reasons = [
    ...needsOf(sha256, entriesOf(store)).map((step) => `${step} of the present attempt refers to it`),
    ...(newest ? ["it is the newest that was proven"] : []),
  ];
  return { folder, about: `${name} of ${manifest.snapshotAt}, manifest ${sha256}`, reasons };
}

/**
 * Erases a backup for good. The evidence is told first, so that no backup goes without a record of it.
 * @throws {StepError} for one that does not exist, or that is needed, unless `yes`.
 */
export async function eraseByName(
  store: BackupStore,
  name: string | undefined,
  { yes }: { yes: boolean },
): Promise<string> {
  const release = takeLock(store.evidence, "backups erase");
  try {
    const { folder, about, reasons } = await findByName(store, name);
    if (reasons.length > 0 && !yes) {
      throw new StepError(
        `backups: expected a backup that nothing needs, got ${name}: ${reasons.join("; ")}. ` +
          "Without it the next preview shows drift, and `up` takes and proves a new one. Erase it all the same: add --yes",
      );
    }
    const note = [`erased ${about}`, ...reasons].join("; although ");
    Chain.open(store.evidence).append({ record: "event", event: "backup-erased", note });
    await eraseBackup(folder);
    return `backups: erased ${shownPath(folder)}; the evidence keeps a record of it`;
  } finally {
    release();
  }
}
