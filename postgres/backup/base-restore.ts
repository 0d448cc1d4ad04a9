import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import { childEnvironment, runProgram } from "../../processes/child-process.ts";
import { lineEnd } from "../../system/plain-line.ts";
import { connect } from "../connect.ts";
import { findClientProgram, installRemedy, isOtherMajor } from "../program-version.ts";
import { sqlState } from "../transaction.ts";
import { BASE } from "./base-backup.ts";
import { type Account, type Cluster, serverAccount, startCluster } from "./cluster.ts";
import { quoted } from "./dump-inventory.ts";
import type { BaseBackup, Manifest } from "./dump-manifest.ts";
import { shorten } from "./dump-rights.ts";
import type { StoredBackup } from "./dump-store.ts";
import type { LeaveOutRequest } from "./left-out.ts";
import { readObjects } from "./object-graph.ts";
import type { Restored } from "./restore.ts";
import { createRestorer } from "./restore-target.ts";
import { settleLeaveOut, withoutObjects } from "./restored-objects.ts";
import { THROWAWAY_SETTINGS } from "./throwaway-cluster.ts";

export interface BaseRestoreOptions {
  backup: StoredBackup;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Entered by the server's own socket alone, which lies in a folder that nobody else can search. */
const OWN_SOCKET = "local all all trust\n";
/** Nobody of the original can log in: two roles that were made here, by passwords that were made here. */
const OWN_ROLES = "host all rollout,rollout_restorer 127.0.0.1/32 scram-sha-256\n";

/**
 * What the copy may and may not do. None of the original's own settings is read: no archive, no standby, no library
 * and no subscription of it can be reached from here. Recovery takes the log that came with the copy, and ends at once
 * where the sums were taken.
 */
function settingsOf(
  { recoverTo, preparedTransactions }: BaseBackup,
  version: number,
): Record<string, string> {
  const target: Record<string, string> =
    recoverTo === null ? { recovery_target: "immediate" } : { recovery_target_lsn: recoverTo };
  return {
    ...THROWAWAY_SETTINGS,
    archive_mode: "off",
    archive_command: "",
    primary_conninfo: "",
    // It has to be set; an archive that has nothing makes recovery look in the copy itself.
    restore_command: "false",
    max_logical_replication_workers: "0",
    hot_standby: "off",
    recovery_target_timeline: "current",
    recovery_target_action: "promote",
    ...target,
    max_prepared_transactions: String(preparedTransactions),
    // Their owners are others than who compares them.
    lo_compat_privileges: "on",
    ...(version >= 170_000 ? { event_triggers: "off" } : {}),
  };
}

async function run(what: string, argv: string[], { timeoutMs, signal }: BaseRestoreOptions): Promise<void> {
  const outcome = await runProgram(argv, { environment: childEnvironment(), timeoutMs, signal });
  signal.throwIfAborted();
  if (outcome.exitCode === 0 && !outcome.failure) return;
  const words = outcome.failure ?? lineEnd(outcome.stderr);
  throw new StepError(`restore-proof: expected ${what}, got ${words}. Take a new backup.`);
}

/** Unpacks files and log, and has PostgreSQL check every file against its own manifest, and the log for gaps. */
async function unpack(data: string, options: BaseRestoreOptions): Promise<void> {
  const { folder: source } = options.backup;
  const base = join(source, BASE.folder);
  await mkdir(data, { mode: 0o700 });
  const archive = ["--extract", "--no-same-owner", "--use-compress-program=zstd", `--directory=${data}`];
  await run("tar to unpack the files", ["tar", ...archive, `--file=${join(base, BASE.archive)}`], options);
  const segments = (await readdir(join(source, BASE.wal))).map((name) => join(source, BASE.wal, name));
  const log = ["zstd", "-d", "-q", `--output-dir-flat=${join(data, "pg_wal")}`, ...segments];
  await run("zstd to unpack the log", log, options);
  const { path } = await findClientProgram("pg_verifybackup");
  const manifest = join(base, BASE.manifest);
  await run(
    "pg_verifybackup to find the files as they were copied",
    [path, "-q", "-m", manifest, data],
    options,
  );
}

/** The settings of the original go, so that its archive, its standbys and its libraries are out of reach. */
async function neutralise(folder: string, data: string): Promise<void> {
  for (const name of ["standby.signal", "postmaster.opts", "current_logfiles"])
    await rm(join(data, name), { force: true });
  await writeFile(join(data, "postgresql.conf"), "", { mode: 0o600 });
  await writeFile(join(data, "pg_ident.conf"), "", { mode: 0o600 });
  await writeFile(join(data, "pg_hba.conf"), OWN_SOCKET, { mode: 0o600 });
  await writeFile(join(data, "recovery.signal"), "", { mode: 0o600 });
  await writeFile(join(folder, "password"), randomBytes(18).toString("hex"), { mode: 0o600 });
}

async function giveTo(
  account: Account | undefined,
  folder: string,
  options: BaseRestoreOptions,
): Promise<void> {
  if (!account) return;
  const owner = `${account.uid}:${account.gid}`;
  await run("the copy to be given to the server's user", ["chown", "-R", owner, folder], options);
}

/** The server's own last words, where it did not come up. */
async function explainStart(folder: string, error: unknown): Promise<unknown> {
  const log = await readFile(join(folder, "server.log"), "utf8").catch(() => "");
  const words = log
    .split("\n")
    .filter((line) => /FATAL|PANIC/.test(line))
    .at(-1);
  if (words === undefined) return error;
  return new StepError(
    `restore-proof: expected the copied server to recover, got ${words.slice(0, 300)}. Take a new backup.`,
    { cause: error },
  );
}

/** pg_ctl returns as soon as recovery begins; whoever connects before its end is turned away. */
async function connectRecovered(url: string, { timeoutMs, signal }: BaseRestoreOptions): Promise<pg.Client> {
  for (const began = Date.now(); ; await sleep(50)) {
    signal.throwIfAborted();
    try {
      return await connect(url);
    } catch (error) {
      const recovers = sqlState((error as Error).cause) === "57P03";
      if (!recovers || Date.now() - began > timeoutMs) throw error;
    }
  }
}

/** Makes the roles by which the copy is used, then closes the way by which they were made. */
async function admit(
  cluster: Cluster,
  data: string,
  { superuser }: BaseBackup,
  options: BaseRestoreOptions,
): Promise<void> {
  const socket = new URL("postgres://localhost/template1");
  socket.username = encodeURIComponent(superuser);
  socket.port = String(cluster.port);
  socket.searchParams.set("host", cluster.directory);
  const admin = await connectRecovered(socket.href, options);
  try {
    const { password } = new URL(cluster.url());
    const { rowCount } = await admin.query("SELECT FROM pg_roles WHERE rolname = 'rollout'");
    const rights = `SUPERUSER LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD ${pg.escapeLiteral(password)}`;
    await admin.query(`${rowCount ? "ALTER" : "CREATE"} ROLE rollout ${rights}`);
    await admin.query("ALTER ROLE rollout RESET ALL");
    await writeFile(join(data, "pg_hba.conf"), OWN_ROLES);
    await admin.query("SELECT pg_reload_conf()");
  } finally {
    await admin.end();
  }
}

/** Boots a physical backup as a server of its own in a folder that is thrown away with it. */
export async function startCopy(folder: string, options: BaseRestoreOptions): Promise<Cluster> {
  const { dump, server } = options.backup.manifest;
  if (dump.format !== "base") throw new Error("restore-proof: expected a physical backup");
  const program = await findClientProgram("postgres");
  if (isOtherMajor(program, server.versionNumber)) {
    throw new StepError(
      `restore-proof: expected PostgreSQL ${Math.floor(server.versionNumber / 10_000)}, as the copied server, ` +
        `got ${program.version} at ${program.path}. ${installRemedy(server.versionNumber, { server: true })}`,
    );
  }
  const data = join(folder, "data");
  await unpack(data, options);
  // Decrypted files are not needed a second time; what the server's user is given is the copy alone.
  await rm(join(folder, "decrypted"), { recursive: true, force: true });
  await neutralise(folder, data);
  await giveTo(serverAccount(), folder, options);
  const settings = settingsOf(dump, server.versionNumber);
  const startTimeoutSeconds = Math.ceil(options.timeoutMs / 1000);
  try {
    const cluster = await startCluster({ directory: folder, settings, startTimeoutSeconds });
    await admit(cluster, data, dump, options);
    return cluster;
  } catch (error) {
    options.signal.throwIfAborted();
    throw await explainStart(folder, error);
  }
}

/** The database of a booted copy, with the role that reads and rehearses on it: no superuser, whoever owns what. */
export async function enterCopy(
  cluster: Cluster,
  manifest: Manifest,
  request: LeaveOutRequest,
): Promise<Restored> {
  const { database } = manifest.server;
  const admin = await connect(cluster.url(database));
  try {
    const url = await createRestorer(admin, cluster.url(database));
    await admin.query(`GRANT pg_read_all_data, pg_write_all_data TO ${quoted(new URL(url).username)}`);
    await admin.query(`ALTER DATABASE ${quoted(database)} OWNER TO ${quoted(new URL(url).username)}`);
    // All of it is there; what an extension that this machine lacks has to read can't be compared.
    const { nodes, notProven } = settleLeaveOut(await readObjects(admin), { ...request, filesCopied: true });
    const own = { manifest: withoutObjects(manifest, nodes), notProven, leftOut: nodes };
    return { url, adminUrl: cluster.url(database), notes: notesOf(manifest), ...own };
  } finally {
    await admin.end();
  }
}

function notesOf({ dump, server }: Manifest): string[] {
  const others = dump.format === "base" ? dump.databases.filter((name) => name !== server.database) : [];
  return others.length > 0
    ? [`copied and checked file by file, but not row by row: databases ${shorten(others)}`]
    : [];
}
