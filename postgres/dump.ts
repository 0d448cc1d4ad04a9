import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { StepError } from "../steps/step.ts";
import { catalogueEntries, compareCatalogue } from "./dump-catalogue.ts";
import { hashFiles, writeSynced } from "./dump-files.ts";
import type { Manifest } from "./dump-manifest.ts";
import { COMPRESSION, type DumpTarget, dumpGlobals, readCatalogue, runDump } from "./dump-program.ts";
import { shorten } from "./dump-rights.ts";
import { checksumSnapshot, type Snapshot, withSnapshot } from "./dump-snapshot.ts";
import { estimateDumpBytes } from "./dump-space.ts";
import { createPartial, finishBackup, type StoredBackup } from "./dump-store.ts";
import type { ClientProgram } from "./program-version.ts";

/** Whose backup it is; kept in the manifest. */
export type BackupOwner = Pick<Manifest, "stack" | "phase" | "step" | "generation">;

export interface TakeOptions extends DumpTarget {
  owner: BackupOwner;
  /** Folder that holds all backups. */
  root: string;
  jobs: number;
  lockWaitTimeoutMs: number;
  programs: Record<"pg_dump" | "pg_restore" | "pg_dumpall", ClientProgram>;
  now(): Date;
  log(line: string): void;
}

type Sums = Awaited<ReturnType<typeof checksumSnapshot>>;

/** The dump and our own sums, side by side in one snapshot. When one fails the other is ended. */
async function dumpAndSum(
  client: Client,
  snapshot: Snapshot,
  folder: string,
  options: TakeOptions,
): Promise<Sums> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const { jobs, lockWaitTimeoutMs, programs } = options;
  const dump = runDump(
    { ...options, signal },
    { program: programs.pg_dump.path, folder, snapshot: snapshot.id, jobs, lockWaitTimeoutMs },
  );
  const work = [dump, checksumSnapshot(client, snapshot, signal)] as const;
  for (const part of work) part.catch((error: unknown) => failed.abort(error));
  const [dumped, summed] = await Promise.allSettled(work);
  signal.throwIfAborted();
  if (dumped.status === "rejected") throw dumped.reason;
  if (summed.status === "rejected") throw summed.reason;
  return summed.value;
}

async function readBack(folder: string, snapshot: Snapshot, options: TakeOptions): Promise<number> {
  const catalogue = await readCatalogue(options, options.programs.pg_restore.path, folder);
  const faults = compareCatalogue(catalogue, snapshot.inventory);
  if (faults.length > 0) {
    throw new StepError(
      `backup: expected the dump's catalogue to match the database, got: ${shorten(faults)}. Run again.`,
    );
  }
  await writeSynced(join(folder, "catalogue.txt"), catalogue);
  return catalogueEntries(catalogue).length;
}

/** What only the snapshot's lifetime can tell. */
interface Taken {
  snapshot: Snapshot;
  sums: Sums;
  snapshotSeconds: number;
  databaseBytes: number;
}

async function takeDump(client: Client, folder: string, options: TakeOptions): Promise<Taken> {
  return withSnapshot(client, options, async (snapshot) => {
    const { server, tables } = snapshot.inventory;
    options.log(
      `dumping ${server.database}, ${tables.length} tables, with ${options.jobs} jobs in snapshot ${snapshot.id}`,
    );
    const opened = options.now().getTime();
    const sums = await dumpAndSum(client, snapshot, folder, options);
    const databaseBytes = await estimateDumpBytes(client);
    return { snapshot, sums, databaseBytes, snapshotSeconds: (options.now().getTime() - opened) / 1000 };
  });
}

async function describe(
  folder: string,
  { snapshot, sums, snapshotSeconds, databaseBytes }: Taken,
  startedAt: string,
  options: TakeOptions,
): Promise<Manifest> {
  const catalogueEntries = await readBack(folder, snapshot, options);
  const globalsMissing = await dumpGlobals(options, options.programs.pg_dumpall.path, folder);
  if (globalsMissing) options.log(`without globals (roles, tablespaces): ${globalsMissing}`);
  const { jobs, lockWaitTimeoutMs, programs } = options;
  const dump = {
    format: "directory" as const,
    program: `pg_dump ${programs.pg_dump.version}`,
    compression: COMPRESSION.name,
    ...{ jobs, lockWaitTimeoutMs, catalogueEntries },
  };
  const files = (await hashFiles(folder, options.signal)).filter(({ path }) => !path.startsWith("."));
  return {
    version: 1,
    ...options.owner,
    ...{ startedAt, finishedAt: options.now().toISOString(), snapshotAt: snapshot.takenAt, snapshotSeconds },
    ...{ databaseBytes, dump, globalsMissing, files },
    ...snapshot.inventory,
    ...sums,
  };
}

/**
 * Takes a backup of the connected database: dump, sums and list of one single moment, read back from the disk. It
 * gets its final name as the very last thing; whatever goes wrong before leaves nothing behind.
 */
export async function takeBackup(client: Client, options: TakeOptions): Promise<StoredBackup> {
  const startedAt = options.now().toISOString();
  const partial = await createPartial(options.root);
  try {
    const taken = await takeDump(client, partial, options);
    const manifest = await describe(partial, taken, startedAt, options);
    options.signal.throwIfAborted();
    return await finishBackup(options.root, partial, manifest);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
