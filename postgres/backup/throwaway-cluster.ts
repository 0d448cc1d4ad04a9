import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, startCluster } from "./cluster.ts";
import { LOG_PREFIX } from "./restore-failure.ts";
import { watchFolder } from "./watched-folder.ts";

/** Nothing in it has to survive anything, so nothing is forced to the disk. */
export const THROWAWAY_SETTINGS: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "4GB",
  autovacuum: "off",
  shared_buffers: "256MB",
  maintenance_work_mem: "256MB",
  log_line_prefix: LOG_PREFIX,
};

/** A PostgreSQL server that is gone, with all its data, when `remove` is called or this process ends in any way. */
export interface ThrowawayCluster {
  cluster: Cluster;
  remove(): Promise<void>;
}

const startEmpty = (directory: string) => startCluster({ directory, settings: THROWAWAY_SETTINGS });

export interface ThrowawayOptions {
  /** Starts the server in the folder it is given; an empty one by default. */
  start?: (folder: string) => Promise<Cluster>;
}

/** Starts a throwaway server in a folder of its own below the machine's temporary folder. */
export async function startThrowawayCluster({
  start = startEmpty,
}: ThrowawayOptions = {}): Promise<ThrowawayCluster> {
  const folder = mkdtempSync(join(tmpdir(), "rollout-throwaway-"));
  const remove = watchFolder(folder);
  try {
    return { cluster: await start(folder), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
