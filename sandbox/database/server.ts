import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import { startCluster } from "../../postgres/backup/cluster.ts";
import { identify, isRunning, type ProcessIdentity } from "../../processes/process-identity.ts";
import { clusterFolder, type SandboxPaths } from "../paths.ts";
import { choosePorts, requireFree } from "../ports.ts";

/** The server that holds the sandbox's database. */
export interface Server {
  /** Connection string of the role that creates databases and roles. Never written anywhere. */
  adminUrl: string;
  /** Folder of the private cluster; absent when the server is the user's own. */
  folder?: string;
}

/** The user's own server, when one is named. */
export function externalUrl(): string | undefined {
  return process.env.ROLLOUT_SANDBOX_DATABASE_URL || undefined;
}

/** Durable like a real server's: what the rollout measures here is to mean something. */
const SETTINGS = {
  max_connections: "100",
  shared_buffers: "256MB",
  max_wal_size: "4GB",
  timezone: "UTC",
  // TCP only: a socket's path may have 107 bytes at most, a checkout's is often longer.
  unix_socket_directories: "",
};

/**
 * The private cluster of this checkout, created and started when it isn't, or the server that
 * ROLLOUT_SANDBOX_DATABASE_URL names.
 * @throws {StepError} when its port is taken or the named server can't be reached.
 */
export async function startServer(paths: SandboxPaths, log: (line: string) => void): Promise<Server> {
  const external = externalUrl();
  if (external) {
    await probeExternal(external);
    return { adminUrl: external };
  }
  const folder = clusterFolder(paths);
  mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
  const running = serverProcess(folder) !== undefined;
  const { postgres: port = 0 } = await choosePorts(paths, ["postgres"]);
  if (!running) {
    await requireFree(paths, "the sandbox's PostgreSQL", port);
    log(
      existsSync(join(folder, "data")) ? "starting PostgreSQL" : `creating a private PostgreSQL in ${folder}`,
    );
  }
  const cluster = await startCluster({ directory: folder, port, settings: SETTINGS });
  return { adminUrl: cluster.url(), folder };
}

/** Stops the private cluster if it runs; the user's own server is left alone. The data stays. */
export async function stopServer(paths: SandboxPaths, log: (line: string) => void): Promise<void> {
  if (!existsSync(join(paths.folder, "cluster"))) return;
  const folder = clusterFolder(paths);
  if (serverProcess(folder) === undefined) return;
  log("stopping PostgreSQL");
  await (await startCluster({ directory: folder })).stop();
}

/**
 * The postmaster of the cluster in this folder, if it runs. A `postmaster.pid` whose number now belongs to
 * some other program (after a power cut) is removed: pg_ctl would signal that program.
 */
export function serverProcess(folder: string): ProcessIdentity | undefined {
  const data = join(folder, "data");
  const pidFile = join(data, "postmaster.pid");
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  const identity = identify(pid);
  if (identity && worksIn(pid, data) && isRunning(identity)) return identity;
  rmSync(pidFile, { force: true });
  return undefined;
}

/** A postmaster's working directory is its data folder. Where that can't be asked the number is believed. */
function worksIn(pid: number, data: string): boolean {
  if (!existsSync("/proc/self/cwd")) return true;
  try {
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch {
    return false;
  }
}

async function probeExternal(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rows } = await client.query(
      "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) AS able FROM pg_roles WHERE rolname = current_user",
    );
    if (rows[0]?.able !== true) throw new Error("its role may not create databases and roles");
  } catch (cause) {
    throw new StepError(
      "sandbox: expected ROLLOUT_SANDBOX_DATABASE_URL to name a server that a role with CREATEDB and CREATEROLE " +
        `can log in to, got: ${(cause as Error).message}. Mend the URL, or unset it to use a private PostgreSQL.`,
      { cause },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
