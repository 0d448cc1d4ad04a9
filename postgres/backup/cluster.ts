import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findProgram } from "../programs.ts";

/** A private PostgreSQL server on loopback, and how to reach it. */
export interface Cluster {
  directory: string;
  port: number;
  /** Connection string of the superuser for a database (default `postgres`). */
  url(database?: string): string;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Absolute folder of the cluster. Every parent has to be searchable by the user it runs as. */
  directory: string;
  /** Server settings, e.g. `{fsync: "off"}` for a throwaway cluster; undefined takes one of ours out. */
  settings?: Record<string, string | undefined>;
  /** Where initdb and pg_ctl are found; the places of set-up by default. */
  find?: (name: string) => string;
  /** Fixed port; a free one by default. */
  port?: number;
  /** Longest wait until it accepts connections; a copy has to recover first. */
  startTimeoutSeconds?: number;
}

/** The user that the server runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: as root it runs as `postgres`, else `nobody`. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const entry =
    accounts.find(([name]) => name === "postgres") ?? accounts.find(([name]) => name === "nobody");
  if (!entry)
    throw new Error("cluster: expected a user `postgres` or `nobody` to run PostgreSQL as, found neither");
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

async function run(path: string, args: string[], account: Account | undefined): Promise<void> {
  // `cleanup: false` and no pipes: the server outlives this process and must not hold its output open.
  const { execa } = await import("execa");
  await execa(path, args, {
    ...(account ?? {}),
    cwd: "/",
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    cleanup: false,
    env: { LC_ALL: "C.UTF-8" },
  });
}

/** A TCP port on loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

function writeSettings(
  data: string,
  port: number,
  directory: string,
  settings: Record<string, string | undefined>,
): void {
  const all: Record<string, string | undefined> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: directory,
    client_connection_check_interval: "1s",
    ...settings,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = '${value?.replaceAll("'", "''")}'`);
  writeFileSync(join(data, "postgresql.auto.conf"), `${lines.join("\n")}\n`);
}

/**
 * Creates the cluster in `directory` unless it is there already, and starts it unless it runs.
 * Superuser `rollout` with a random password (scram), reachable on 127.0.0.1 only.
 */
export async function startCluster({
  directory,
  settings = {},
  port,
  find = findProgram,
  startTimeoutSeconds = 60,
}: ClusterOptions): Promise<Cluster> {
  const account = serverAccount();
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  if (!existsSync(join(data, "PG_VERSION"))) {
    rmSync(data, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(passwordFile, randomBytes(18).toString("hex"), { mode: 0o600 });
    if (account) for (const path of [directory, passwordFile]) chownSync(path, account.uid, account.gid);
    const auth = ["--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--pwfile", passwordFile];
    await run(
      find("initdb"),
      ["-D", data, "-U", "rollout", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", ...auth],
      account,
    );
  }
  const running = readPort(data);
  const chosen = running ?? port ?? (await freePort());
  if (running === undefined) {
    writeSettings(data, chosen, directory, settings);
    await run(
      find("pg_ctl"),
      ["-D", data, "-w", "-t", String(startTimeoutSeconds), "-l", join(directory, "server.log"), "start"],
      account,
    );
  }
  const password = readFileSync(passwordFile, "utf8");
  return {
    directory,
    port: chosen,
    url: (database = "postgres") => `postgres://rollout:${password}@127.0.0.1:${chosen}/${database}`,
    stop: () => run(find("pg_ctl"), ["-D", data, "-m", "fast", "-w", "-t", "60", "stop"], account),
  };
}

/** Port of the server that runs on this data folder, or undefined when none does. */
function readPort(data: string): number | undefined {
  try {
    const [pid, , , port] = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    process.kill(Number(pid), 0);
    return Number(port);
  } catch {
    return undefined;
  }
}
