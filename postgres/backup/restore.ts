import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "../../processes/child-process.ts";
import { writeDurably } from "../../system/durable-file.ts";
import { libpqEnvironment } from "../libpq-environment.ts";
import type { Cluster } from "./cluster.ts";
import type { Manifest } from "./dump-manifest.ts";
import { DUMP_FOLDER } from "./dump-program.ts";
import type { StoredBackup } from "./dump-store.ts";
import type { LeaveOutRequest, NotProven } from "./left-out.ts";
import type { ObjectGraph, ObjectNode } from "./object-graph.ts";
import { explainRestore } from "./restore-failure.ts";
import { planRestore } from "./restore-list.ts";
import { createExtensions, createRestoreTarget, type RestoreTarget } from "./restore-target.ts";
import { loadObjects, settleLeaveOut, withoutObjects } from "./restored-objects.ts";

export interface RestoreOptions {
  cluster: Cluster;
  backup: StoredBackup;
  /** Path of pg_restore. */
  program: string;
  jobs: number;
  timeoutMs: number;
  signal: AbortSignal;
  request: LeaveOutRequest;
}

/** A restored copy, and what it lacks on purpose. */
export interface Restored extends RestoreTarget {
  notProven: NotProven[];
  /** The same with all their parts, and members of extensions. */
  leftOut: readonly ObjectNode[];
  /** The backup's manifest without what is not in the copy. */
  manifest: Manifest;
}

async function restoreEntries(
  entries: string[],
  target: RestoreTarget,
  options: RestoreOptions,
  { jobs, graph }: { jobs: number; graph: ObjectGraph },
): Promise<void> {
  // Within the server's folder: gone with it, should this process die.
  const folder = await mkdtemp(join(options.cluster.directory, "list-"));
  try {
    const list = join(folder, "list");
    writeDurably(list, `${entries.join("\n")}\n`);
    const { PGDATABASE = "", ...environment } = libpqEnvironment(target.url);
    const argv = [
      ...[
        "--exit-on-error",
        "--verbose",
        "--no-owner",
        "--no-privileges",
        "--no-subscriptions",
        "--no-publications",
      ],
      ...["--no-comments", "--no-security-labels", "--no-tablespaces", "--no-password"],
      ...[`--jobs=${jobs}`, `--use-list=${list}`, `--dbname=${PGDATABASE}`],
      join(options.backup.folder, DUMP_FOLDER),
    ];
    // By the verbose lines alone it tells at which entry it failed.
    const { timeoutMs, signal } = options;
    const limits = { timeoutMs, signal, maxOutput: 64 * 1024 * 1024 };
    const outcome = await runProgram([options.program, ...argv], { environment, ...limits });
    signal.throwIfAborted();
    if (outcome.exitCode === 0 && !outcome.failure) return;
    throw await explainRestore(outcome, options.cluster.directory, graph, options.request.leaveOut);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Restores a backup into a fresh database of a throwaway server, as a role that is no superuser. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { backup, cluster, jobs, request } = options;
  const graph = await loadObjects(backup.folder);
  const { nodes, notProven } = settleLeaveOut(graph, request);
  const manifest = withoutObjects(backup.manifest, nodes);
  const target = await createRestoreTarget(cluster, manifest);
  const catalogue = await readFile(join(backup.folder, "catalogue.txt"), "utf8");
  const { schemas, rest } = planRestore(catalogue, backup.manifest, nodes);
  if (schemas.length > 0) await restoreEntries(schemas, target, options, { jobs: 1, graph });
  const notes = await createExtensions(target, manifest, { graph, leaveOut: request.leaveOut });
  if (rest.length > 0) await restoreEntries(rest, target, options, { jobs, graph });
  return { ...target, notes: [...target.notes, ...notes], notProven, leftOut: nodes, manifest };
}
