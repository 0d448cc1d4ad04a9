import { join } from "node:path";
import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { writeDurably } from "../../system/durable-file.ts";
import type { ClientProgram } from "../program-version.ts";
import type { BackupContent, TakeOptions } from "./dump.ts";
import { catalogueEntries, compareCatalogue } from "./dump-catalogue.ts";
import { COMPRESSION, dumpGlobals, readCatalogue, runDump } from "./dump-program.ts";
import { shorten } from "./dump-rights.ts";
import { checksumSnapshot, type Snapshot, withSnapshot } from "./dump-snapshot.ts";
import { estimateDumpBytes } from "./dump-space.ts";
import { OBJECTS_FILE, readObjects } from "./object-graph.ts";

export const DUMP_PROGRAMS = ["pg_dump", "pg_restore", "pg_dumpall"] as const;
export type DumpPrograms = Record<(typeof DUMP_PROGRAMS)[number], ClientProgram>;

type Sums = Awaited<ReturnType<typeof checksumSnapshot>>;

/** The dump and our own sums, side by side in one snapshot. When one fails the other is ended. */
async function dumpAndSum(
  client: Client,
  snapshot: Snapshot,
  folder: string,
  options: TakeOptions,
  programs: DumpPrograms,
): Promise<Sums> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const { jobs, lockWaitTimeoutMs } = options;
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

async function readBack(
  folder: string,
  snapshot: Snapshot,
  options: TakeOptions,
  program: string,
): Promise<number> {
  const catalogue = await readCatalogue(options, program, folder);
  const faults = compareCatalogue(catalogue, snapshot.inventory);
  if (faults.length > 0) {
    throw new StepError(
      `backup: expected the dump's catalogue to match the database, got: ${shorten(faults)}. Run again.`,
    );
  }
  writeDurably(join(folder, "catalogue.txt"), catalogue);
  return catalogueEntries(catalogue).length;
}

/** Dumps the database and sums its rows in one snapshot, reads the dump back from the disk, adds the globals. */
export async function takeDump(
  client: Client,
  folder: string,
  options: TakeOptions,
  programs: DumpPrograms,
): Promise<BackupContent> {
  const { jobs, lockWaitTimeoutMs } = options;
  const { snapshot, ...taken } = await withSnapshot(client, options, async (snapshot) => {
    const { server, tables } = snapshot.inventory;
    options.log(
      `dumping ${server.database}, ${tables.length} tables, with ${jobs} jobs in snapshot ${snapshot.id}`,
    );
    const opened = options.now().getTime();
    writeDurably(join(folder, OBJECTS_FILE), `${JSON.stringify(await readObjects(client))}\n`);
    const sums = await dumpAndSum(client, snapshot, folder, options, programs);
    const databaseBytes = await estimateDumpBytes(client);
    return { snapshot, sums, databaseBytes, snapshotSeconds: (options.now().getTime() - opened) / 1000 };
  });
  const { sums, ...moment } = taken;
  const catalogueEntries = await readBack(folder, snapshot, options, programs.pg_restore.path);
  const globalsMissing = await dumpGlobals(options, programs.pg_dumpall.path, folder);
  if (globalsMissing) options.log(`without globals (roles, tablespaces): ${globalsMissing}`);
  const dump = {
    format: "directory" as const,
    program: `pg_dump ${programs.pg_dump.version}`,
    compression: COMPRESSION.name,
    ...{ jobs, lockWaitTimeoutMs, catalogueEntries },
  };
  return { ...moment, snapshotAt: snapshot.takenAt, dump, globalsMissing, ...snapshot.inventory, ...sums };
}
