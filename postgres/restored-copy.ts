import { enterCopy, startCopy } from "./base-restore.ts";
import type { StoredBackup } from "./dump-store.ts";
import { findClientProgram } from "./program-version.ts";
import { type Restored, restoreBackup } from "./restore.ts";
import { startThrowawayCluster, type ThrowawayCluster } from "./throwaway-cluster.ts";

export interface CopyOptions {
  backup: StoredBackup;
  jobs: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/** A backup restored into a server of its own; the caller removes it. */
export interface RestoredCopy {
  throwaway: ThrowawayCluster;
  restored: Restored;
}

async function removedOnFailure<T>(throwaway: ThrowawayCluster, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await throwaway.remove();
    throw error;
  }
}

/** Restores a dump into an empty throwaway server, or boots a physical backup as one. */
export async function restoreCopy(options: CopyOptions): Promise<RestoredCopy> {
  const { manifest } = options.backup;
  if (manifest.dump.format === "base") {
    const throwaway = await startThrowawayCluster({ start: (folder) => startCopy(folder, options) });
    const restored = await removedOnFailure(throwaway, () => enterCopy(throwaway.cluster, manifest));
    return { throwaway, restored };
  }
  const program = (await findClientProgram("pg_restore")).path;
  const throwaway = await startThrowawayCluster();
  const { cluster } = throwaway;
  return {
    throwaway,
    restored: await removedOnFailure(throwaway, () => restoreBackup({ ...options, cluster, program })),
  };
}
