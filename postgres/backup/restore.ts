import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StepError } from "../../errors/step-error.ts";
import { runProgram } from "../../processes/child-process.ts";
import { libpqEnvironment } from "../libpq-environment.ts";
import type { Cluster } from "./cluster.ts";
import { writeSynced } from "./dump-files.ts";
import { DUMP_FOLDER } from "./dump-program.ts";
import type { StoredBackup } from "./dump-store.ts";
import { planRestore } from "./restore-list.ts";
import { createExtensions, createRestoreTarget, type RestoreTarget } from "./restore-target.ts";

export interface RestoreOptions {
  cluster: Cluster;
  backup: StoredBackup;
  /** Path of pg_restore. */
  program: string;
  jobs: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/** A restored copy, and what it lacks on purpose. */
export interface Restored extends RestoreTarget {
  leftOut: string[];
}

async function restoreEntries(
  entries: string[],
  target: RestoreTarget,
  options: RestoreOptions,
  jobs: number,
): Promise<void> {
  // Within the server's folder: gone with it, should this process die.
  const folder = await mkdtemp(join(options.cluster.directory, "list-"));
  try {
    const list = join(folder, "list");
    await writeSynced(list, `${entries.join("\n")}\n`);
    const { PGDATABASE = "", ...environment } = libpqEnvironment(target.url);
    const argv = [
      ...["--exit-on-error", "--no-owner", "--no-privileges", "--no-subscriptions", "--no-publications"],
      ...["--no-comments", "--no-security-labels", "--no-tablespaces", "--no-password"],
      ...[`--jobs=${jobs}`, `--use-list=${list}`, `--dbname=${PGDATABASE}`],
      join(options.backup.folder, DUMP_FOLDER),
    ];
    const { timeoutMs, signal } = options;
    const outcome = await runProgram([options.program, ...argv], { environment, timeoutMs, signal });
    signal.throwIfAborted();
    if (outcome.exitCode === 0 && !outcome.failure) return;
    const words = outcome.stderr.split("\n").find((line) => /error:/.test(line)) ?? outcome.failure ?? "";
    throw new StepError(
      `restore-proof: expected pg_restore to restore the backup, got ${words.slice(0, 300)}. Take a new backup.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Restores a backup into a fresh database of a throwaway server, as a role that is no superuser. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { backup, cluster, jobs } = options;
  const target = await createRestoreTarget(cluster, backup.manifest);
  const catalogue = await readFile(join(backup.folder, "catalogue.txt"), "utf8");
  const { schemas, rest, leftOut } = planRestore(catalogue, backup.manifest);
  if (schemas.length > 0) await restoreEntries(schemas, target, options, 1);
  const notes = await createExtensions(target, backup.manifest);
  if (rest.length > 0) await restoreEntries(rest, target, options, jobs);
  return { ...target, notes: [...target.notes, ...notes], leftOut };
}
