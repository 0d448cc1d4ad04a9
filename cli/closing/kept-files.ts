import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EVIDENCE_PARTS, evidenceFolder } from "../../ledger/store.ts";
import { backupFolder, eraseBackup } from "../../postgres/backup/dump-store.ts";
import { listOfStack } from "../../postgres/backup/outlived-backups.ts";
import type { Closing } from "./closing.ts";

type Stores = Pick<Closing["config"], "stack" | "evidence" | "backup">;

/** Folders of reports and archives, at the project's root, which every command runs in. */
const foldersOf = ({ stack }: Stores) => ["reports", "archives"].map((name) => resolve(name, stack));

/** What of a stack lies outside of its target: where, one line each. */
export async function keptFiles(stores: Stores): Promise<string[]> {
  const evidence = evidenceFolder(stores.evidence.url);
  const root = backupFolder(stores.backup.url);
  const { own } = await listOfStack(root, stores.stack);
  return [
    ...[evidence, ...foldersOf(stores)].filter((folder) => existsSync(folder)),
    ...(own.length > 0 ? [`${own.length} backups in ${root}`] : []),
  ];
}

/**
 * Removed by name: whatever else lies in a shared folder is not ours. Also what a run that was killed left in the making
 * (system/durable-file.ts). The lock goes when the run that holds it ends.
 */
const RECORD = /^(\d{6,}-.+-(begin|end|event)\.json|head\.json)$/;
const DRAFT = /^\.(.+)\.\d+$/;
const PARTS: readonly string[] = EVIDENCE_PARTS;

async function removeEvidence(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const ours = DRAFT.exec(name)?.[1] ?? name;
    if (RECORD.test(ours) || PARTS.includes(name)) await rm(join(folder, name), { recursive: true });
  }
}

/** Removes backups, reports and archives, the evidence last: as long as anything is left, it says so. */
export async function removeKeptFiles(stores: Stores): Promise<void> {
  const { own } = await listOfStack(backupFolder(stores.backup.url), stores.stack);
  for (const { backup } of own) await eraseBackup(backup.folder);
  for (const folder of foldersOf(stores)) await rm(folder, { recursive: true, force: true });
  await removeEvidence(evidenceFolder(stores.evidence.url));
}

/** Removes folders that are empty by now, after the lock in one of them is gone. */
export async function removeEmptyFolders(stores: Stores): Promise<void> {
  for (const folder of [evidenceFolder(stores.evidence.url), backupFolder(stores.backup.url)])
    await rmdir(folder).catch(() => undefined);
}
