import { findClientProgram } from "../program-version.ts";
import { openBackup } from "./backup-cipher.ts";
import { enterCopy, startCopy } from "./base-restore.ts";
import type { StoredBackup } from "./dump-store.ts";
import type { LeaveOutRequest } from "./left-out.ts";
import { type Restored, restoreBackup } from "./restore.ts";
import { startThrowawayCluster, type ThrowawayCluster } from "./throwaway-cluster.ts";

export interface CopyOptions {
  backup: StoredBackup;
  jobs: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** What is left out; nothing by default but what nobody here could make. */
  request?: LeaveOutRequest;
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
  const { request = {} } = options;
  if (manifest.dump.format === "base") {
    const throwaway = await startThrowawayCluster({
      start: async (folder) => {
        const backup = await openBackup(options.backup, folder, options);
        return startCopy(folder, { ...options, backup });
      },
    });
    const restored = await removedOnFailure(throwaway, () => enterCopy(throwaway.cluster, manifest, request));
    return { throwaway, restored };
  }
  const program = (await findClientProgram("pg_restore")).path;
  const throwaway = await startThrowawayCluster();
  const { cluster } = throwaway;
  const restored = await removedOnFailure(throwaway, async () => {
    const backup = await openBackup(options.backup, cluster.directory, options);
    return restoreBackup({ ...options, request, backup, cluster, program });
  });
  return { throwaway, restored };
}
