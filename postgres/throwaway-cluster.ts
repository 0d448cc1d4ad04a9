import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnvironment } from "../steps/child-process.ts";
import { type Cluster, startCluster } from "./cluster.ts";

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
};

/*
 * Waits until our end of the pipe closes, however we end, then stops the server and removes every trace: what was
 * restored is a copy of production's data. Constant text; the folder arrives as an argument.
 */
const CLEANER = `trap '' INT TERM HUP
read -r _
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -s QUIT "$pid" 2>/dev/null
  rm -rf -- "$1" 2>/dev/null
  [ -e "$1" ] || exit 0
  sleep 0.2
done`;

/** A PostgreSQL server that is gone, with all its data, when `remove` is called or this process ends in any way. */
export interface ThrowawayCluster {
  cluster: Cluster;
  remove(): Promise<void>;
}

function startCleaner(folder: string): ChildProcess {
  const cleaner = spawn("/bin/sh", ["-c", CLEANER, "cleaner", folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: childEnvironment(),
  });
  cleaner.unref();
  return cleaner;
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
  const cleaner = startCleaner(folder);
  const remove = async () => {
    const gone = new Promise((resolve) => cleaner.once("exit", resolve));
    cleaner.ref();
    cleaner.stdin?.end();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { cluster: await start(folder), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
