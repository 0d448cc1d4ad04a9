import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { z } from "zod";
import { StepError } from "../../errors/step-error.ts";
import { runProgram } from "../../processes/child-process.ts";
import { lineEnd } from "../../system/plain-line.ts";
import { libpqEnvironment } from "../libpq-environment.ts";
import type { ClientProgram } from "../program-version.ts";
import { type BaseFacts, readBaseFacts } from "./base-backup-rights.ts";
import type { BackupContent, TakeOptions } from "./dump.ts";
import { type DumpSequence, readInventory } from "./dump-inventory.ts";
import { runClient } from "./dump-program.ts";
import { checksumSnapshot, type Snapshot, withSnapshot } from "./dump-snapshot.ts";
import { commitMarker, lastSeenCommit, readVisibility } from "./snapshot-commit.ts";
import { WalStream } from "./wal-stream.ts";

/** Where a base backup lies within a backup, and what it consists of. */
export const BASE = { folder: "base", archive: "base.tar.zst", manifest: "backup_manifest", wal: "wal" };

/** The lowest level: 9.3 s for 2.5 GB on two cores, by the server itself (docs/backup.md). */
const COMPRESSION = "zstd:1";

/** Programs of PostgreSQL and of the system that a base backup and its proof take. */
export const BASE_PROGRAMS = [
  "pg_basebackup",
  "pg_receivewal",
  "pg_waldump",
  "pg_verifybackup",
  "postgres",
] as const;
export type BasePrograms = Record<(typeof BASE_PROGRAMS)[number], ClientProgram> & {
  zstd: string;
  tar: string;
};

/** Snapshots that are tried until one has its place in the log; on a server at work one in four has none. */
const ATTEMPTS = 50;

const ServerManifest = z.object({
  "WAL-Ranges": z.tuple([z.object({ Timeline: z.int(), "Start-LSN": z.string(), "End-LSN": z.string() })]),
});

/** What pg_basebackup's own manifest says of the log that the copy needs. */
interface LogRange {
  timeline: number;
  start: string;
  end: string;
}

async function readRange(folder: string): Promise<LogRange> {
  const manifest = ServerManifest.parse(JSON.parse(await readFile(join(folder, BASE.manifest), "utf8")));
  const [{ Timeline: timeline, "Start-LSN": start, "End-LSN": end }] = manifest["WAL-Ranges"];
  return { timeline, start, end };
}

async function copyFiles(folder: string, options: TakeOptions, programs: BasePrograms): Promise<LogRange> {
  const argv = [
    ...[`--pgdata=${folder}`, "--format=tar", `--compress=server-${COMPRESSION}`, "--wal-method=none"],
    ...["--checkpoint=fast", "--manifest-checksums=SHA256", "--label=deal-type-rollout", "--no-sync"],
    "--no-password",
  ];
  await runClient(programs.pg_basebackup.path, argv, options);
  return readRange(folder);
}

/** What the sums were taken of. */
interface Summed {
  snapshot: Snapshot;
  sums: Awaited<ReturnType<typeof checksumSnapshot>>;
  snapshotSeconds: number;
  recoverTo: string | null;
}

const keyOf = ({ schema, name }: DumpSequence) => JSON.stringify([schema, name]);

/** Sequences know no snapshot: noted before it, so that what is copied holds these values or later ones. */
function withSequences({ inventory, ...snapshot }: Snapshot, noted: readonly DumpSequence[]): Snapshot {
  const before = new Map(noted.map((sequence) => [keyOf(sequence), sequence]));
  const sequences = inventory.sequences.map((sequence) => before.get(keyOf(sequence)) ?? sequence);
  return { ...snapshot, inventory: { ...inventory, sequences } };
}

/** Sums the rows in a snapshot that has its place in the log; undefined when this one has none. */
async function sumInPlace(
  client: Client,
  options: TakeOptions,
  log: WalStream,
  range: LogRange,
): Promise<Summed | undefined> {
  const { sequences } = await readInventory(client);
  return withSnapshot(client, options, async (snapshot) => {
    const visibility = await readVisibility(client);
    const marker = await commitMarker(options.databaseUrl);
    const recoverTo = lastSeenCommit(await log.commitsUntil(marker, range.end, range.timeline), visibility);
    if (recoverTo === undefined) return undefined;
    await log.stop();
    options.log(`summing the rows as of ${recoverTo ?? range.end} in the log`);
    const opened = options.now().getTime();
    const sums = await checksumSnapshot(client, snapshot, options.signal);
    const snapshotSeconds = (options.now().getTime() - opened) / 1000;
    return { snapshot: withSequences(snapshot, sequences), sums, snapshotSeconds, recoverTo };
  });
}

async function sumRows(
  client: Client,
  options: TakeOptions,
  log: WalStream,
  range: LogRange,
): Promise<Summed> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const summed = await sumInPlace(client, options, log, range);
    if (summed) return summed;
    options.signal.throwIfAborted();
  }
  throw new StepError(
    `backup: expected one of ${ATTEMPTS} snapshots to have its place in the server's log, got none: commits overtake ` +
      "each other all the time. Run again at a quieter time, or set backup.method to logical.",
  );
}

/** Recovery has to read all of the log between the copy's beginning and its end: so do we, before it is too late. */
async function assertWhole(
  wal: string,
  range: LogRange,
  options: TakeOptions,
  programs: BasePrograms,
): Promise<void> {
  const { timeline, start, end } = range;
  const argv = ["--quiet", `--path=${wal}`, `--timeline=${timeline}`, `--start=${start}`, `--end=${end}`];
  const environment = libpqEnvironment(options.databaseUrl);
  const { timeoutMs, signal } = options;
  const outcome = await runProgram([programs.pg_waldump.path, ...argv], { environment, timeoutMs, signal });
  signal.throwIfAborted();
  if (outcome.exitCode === 0) return;
  throw new StepError(
    `backup: expected the log from ${start} to ${end} to be whole, got ${lineEnd(outcome.stderr)}. Run again.`,
  );
}

async function compressLog(wal: string, options: TakeOptions, { zstd }: BasePrograms): Promise<void> {
  const environment = libpqEnvironment(options.databaseUrl);
  const { timeoutMs, signal } = options;
  const argv = [zstd, "-1", "-q", "--rm", "-r", wal];
  const outcome = await runProgram(argv, { environment, timeoutMs, signal });
  signal.throwIfAborted();
  if (outcome.exitCode === 0) return;
  throw new StepError(`backup: expected zstd to compress the log, got ${lineEnd(outcome.stderr)}.`);
}

function describeBase(
  facts: BaseFacts,
  range: LogRange,
  summed: Summed,
  programs: BasePrograms,
): BackupContent {
  const { superuser, databases, preparedTransactions, bytes } = facts;
  const { snapshot, sums, snapshotSeconds, recoverTo } = summed;
  const { timeline, end: consistentAt } = range;
  const dump = {
    format: "base" as const,
    program: `pg_basebackup ${programs.pg_basebackup.version}`,
    compression: COMPRESSION,
    ...{ superuser, databases, preparedTransactions, timeline, consistentAt, recoverTo },
  };
  const moment = { snapshotAt: snapshot.takenAt, snapshotSeconds, databaseBytes: bytes };
  return { ...moment, dump, globalsMissing: null, ...snapshot.inventory, ...sums };
}

/**
 * Copies the server's files while it works, and its log until the commit with which a snapshot's transactions end: a
 * server recovered up to there shows the rows that the sums were taken of, all of them and no others.
 */
export async function takeBase(
  client: Client,
  partial: string,
  options: TakeOptions,
  programs: BasePrograms,
): Promise<BackupContent> {
  const facts = await readBaseFacts(client);
  const wal = join(partial, BASE.wal);
  const { databaseUrl, timeoutMs, signal } = options;
  const receiver = programs.pg_receivewal.path;
  const dumper = programs.pg_waldump.path;
  const log = new WalStream({ databaseUrl, timeoutMs, signal, folder: wal, receiver, dumper });
  try {
    await log.start();
    options.log(`copying the files of the server: ${facts.databases.length} databases`);
    const range = await copyFiles(join(partial, BASE.folder), options, programs);
    const summed = await sumRows(client, options, log, range);
    await assertWhole(wal, range, options, programs);
    await compressLog(wal, options, programs);
    return describeBase(facts, range, summed, programs);
  } finally {
    await log.stop();
  }
}
