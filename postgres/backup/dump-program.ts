import { join } from "node:path";
import { runProgram } from "../../processes/child-process.ts";
import { writeDurably } from "../../system/durable-file.ts";
import { libpqEnvironment } from "../libpq-environment.ts";
import { dumpFailure } from "./dump-failure.ts";

/** Where a dump comes from and how long it may take. */
export interface DumpTarget {
  databaseUrl: string;
  timeoutMs: number;
  signal: AbortSignal;
}

export interface DumpOptions {
  /** Path of pg_dump. */
  program: string;
  folder: string;
  /** Name of an exported snapshot: the dump shows just that moment. */
  snapshot: string;
  jobs: number;
  lockWaitTimeoutMs: number;
}

/**
 * gzip at its lowest level: 2.4 times as fast as the default for a dump 13 % larger (docs/backup.md). zstd would be
 * better still, but pg_dump 15 has none.
 */
export const COMPRESSION = { argument: "--compress=1", name: "gzip:1" };

/** Folder of the dump within a backup. */
export const DUMP_FOLDER = "dump";

/** Runs one of PostgreSQL's programs against the target. @throws {StepError} in words when it fails. */
export async function runClient(program: string, argv: string[], target: DumpTarget): Promise<string> {
  const environment = libpqEnvironment(target.databaseUrl);
  // A killed dump's statements end with it, even those that wait for a lock.
  const options = `${environment.PGOPTIONS ?? ""} -c client_connection_check_interval=2s`.trim();
  const outcome = await runProgram([program, ...argv], {
    environment: { ...environment, PGOPTIONS: options },
    timeoutMs: target.timeoutMs,
    signal: target.signal,
    maxOutput: 64 * 1024 * 1024,
  });
  target.signal.throwIfAborted();
  if (outcome.exitCode !== 0 || outcome.failure) throw dumpFailure(program.split("/").at(-1) ?? "", outcome);
  return outcome.stdout;
}

/** Dumps the database in directory format; one process per job, all in the given snapshot. */
export async function runDump(target: DumpTarget, options: DumpOptions): Promise<void> {
  const { program, folder, snapshot, jobs, lockWaitTimeoutMs } = options;
  const argv = [
    "--format=directory",
    `--jobs=${jobs}`,
    COMPRESSION.argument,
    `--snapshot=${snapshot}`,
    `--lock-wait-timeout=${lockWaitTimeoutMs}`,
    "--no-password",
    `--file=${join(folder, DUMP_FOLDER)}`,
  ];
  await runClient(program, argv, target);
}

/**
 * Roles, their memberships and tablespaces, without passwords. Belongs to the whole server and may need rights that
 * a database's owner lacks: then it is left out, and the backup says so.
 * @returns why it is missing, or null.
 */
export async function dumpGlobals(
  target: DumpTarget,
  program: string,
  folder: string,
): Promise<string | null> {
  const { PGDATABASE: database = "" } = libpqEnvironment(target.databaseUrl);
  // A connection string, for else a database named `a=b` would be taken for one.
  const quoted = `dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`;
  try {
    const argv = ["--globals-only", "--no-role-passwords", "--no-password", `--dbname=${quoted}`];
    writeDurably(join(folder, "globals.sql"), await runClient(program, argv, target));
    return null;
  } catch (error) {
    target.signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

/** Reads the dump's table of contents back from the disk, as `pg_restore --list` prints it. */
export function readCatalogue(target: DumpTarget, program: string, folder: string): Promise<string> {
  return runClient(program, ["--list", join(folder, DUMP_FOLDER)], target);
}
