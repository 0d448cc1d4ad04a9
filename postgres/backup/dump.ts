import { rm } from "node:fs/promises";
import type { Client } from "pg";
import type { Encryption } from "../../config/encryption.ts";
import { encryptFolder } from "./backup-cipher.ts";
import { type BasePrograms, takeBase } from "./base-backup.ts";
import { hashFiles } from "./dump-files.ts";
import type { Manifest } from "./dump-manifest.ts";
import type { DumpTarget } from "./dump-program.ts";
import { createPartial, finishBackup, type StoredBackup } from "./dump-store.ts";
import { type DumpPrograms, takeDump } from "./logical-dump.ts";
import { watchFolder } from "./watched-folder.ts";

/** Whose backup it is; kept in the manifest. */
export type BackupOwner = Pick<Manifest, "stack" | "phase" | "step" | "generation">;

/** What the taking itself has to say of a backup. */
export type BackupContent = Omit<
  Manifest,
  keyof BackupOwner | "version" | "startedAt" | "finishedAt" | "encryption" | "files"
>;

/** How a backup is taken, with the programs for it. */
export type BackupWay =
  | { method: "logical"; programs: DumpPrograms }
  | { method: "physical"; programs: BasePrograms };

export interface TakeOptions extends DumpTarget {
  owner: BackupOwner;
  /** Folder that holds all backups. */
  root: string;
  jobs: number;
  lockWaitTimeoutMs: number;
  way: BackupWay;
  encryption?: Encryption | undefined;
  now(): Date;
  log(line: string): void;
}

function takeContent(client: Client, folder: string, options: TakeOptions): Promise<BackupContent> {
  const { way } = options;
  return way.method === "physical"
    ? takeBase(client, folder, options, way.programs)
    : takeDump(client, folder, options, way.programs);
}

/**
 * Takes a backup of the connected database: rows, sums and list of one single moment, read back from the disk. It
 * gets its final name as the very last thing; whatever goes wrong before leaves nothing behind.
 */
export async function takeBackup(client: Client, options: TakeOptions): Promise<StoredBackup> {
  const startedAt = options.now().toISOString();
  const { encryption } = options;
  const partial = await createPartial(options.root);
  // What is still in the clear must not outlive us; a plain backup's remains are cleared by the next run.
  const clear = encryption && watchFolder(partial);
  try {
    const content = await takeContent(client, partial, options);
    if (encryption) {
      options.log("encrypting it");
      await encryptFolder(partial, encryption, options);
    }
    const files = (await hashFiles(partial, options.signal)).filter(({ path }) => !path.startsWith("."));
    const finishedAt = options.now().toISOString();
    const sealed = encryption ? { encryption: { program: "age" as const, ...encryption } } : {};
    const manifest: Manifest = {
      ...{ version: 1, ...options.owner, startedAt, finishedAt },
      ...{ ...content, ...sealed, files },
    };
    options.signal.throwIfAborted();
    return await finishBackup(options.root, partial, manifest);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  } finally {
    await clear?.();
  }
}
