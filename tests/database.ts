import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Cluster, startCluster } from "../postgres/backup/cluster.ts";
import { identify, isRunning } from "../processes/process-identity.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let shared: Promise<Cluster> | undefined;
let count = 0;

/** This test process's own PostgreSQL server, started at first use; it ends with the process, and its folder goes. */
export function testCluster(): Promise<Cluster> {
  shared ??= start();
  return shared;
}

async function start(): Promise<Cluster> {
  const directory = temporaryFolder("test");
  const settings = {
    fsync: "off",
    max_connections: "200",
    shared_buffers: "128MB",
    max_prepared_transactions: "5",
  };
  const cluster = await startCluster({ directory, settings });
  // Not by a root hook: where files run in parallel a process sees it after each of its files.
  process.prependOnceListener("exit", () => endServer(directory));
  return cluster;
}

/** At once and without waiting for the event loop, which stands still at exit. */
export function endServer(directory: string): void {
  const pidFile = join(directory, "data/postmaster.pid");
  const server = existsSync(pidFile) && identify(Number.parseInt(readFileSync(pidFile, "utf8"), 10));
  if (!server) return;
  process.kill(server.pid, "SIGQUIT");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let turn = 0; turn < 100 && isRunning(server); turn += 1) Atomics.wait(pause, 0, 0, 10);
}

/** A fresh, empty database on the test server; returns its superuser connection string. */
export async function createDatabase(prefix = "t"): Promise<string> {
  return createDatabaseOn(await testCluster(), prefix);
}

/** A fresh, empty database on any server. */
export async function createDatabaseOn(cluster: Cluster, prefix = "t"): Promise<string> {
  count += 1;
  const name = `${prefix}_${process.pid}_${count}`;
  const admin = new pg.Client({ connectionString: cluster.url() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  await admin.end();
  return cluster.url(name);
}
