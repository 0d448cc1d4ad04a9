import type { Client } from "pg";
import type { AppTriggerMode } from "../migration/app-triggers.ts";
import type { Change } from "../migration/change.ts";
import { quoteName, tableName } from "../migration/change-sql.ts";
import { readTargetFacts } from "../migration/target-facts.ts";
import type { WritingRole } from "../migration/write-probe.ts";
import type { RestoreTarget } from "./restore-target.ts";

/** A commit is to cost here what it costs in earnest; for the restore before it did not matter. */
const DURABLE = ["fsync", "synchronous_commit", "full_page_writes"];

/**
 * Removes what a rollout had left in the database when it was dumped: lease, chain head and journal of the original,
 * which mean nothing here. A schema of that name that somebody else made stays, and is refused as it would be there.
 */
async function discardRollout(admin: Client): Promise<boolean> {
  const { rows } = await admin.query<{ ours: boolean }>(
    "SELECT to_regclass('rollout.lease') IS NOT NULL AND to_regclass('rollout.chain_head') IS NOT NULL AS ours",
  );
  if (!rows[0]?.ours) return false;
  await admin.query("DROP SCHEMA rollout CASCADE");
  return true;
}

async function ensureRole(admin: Client, role: string, restorer: string, options: string): Promise<void> {
  const { rowCount } = await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  await admin.query(`${rowCount ? "ALTER" : "CREATE"} ROLE ${quoteName(role)} ${options}`);
  await admin.query(`GRANT ${quoteName(role)} TO ${quoteName(restorer)}`);
}

/** Roles that write to the original may write to the copy: the trial writes are made as them. None has a password. */
async function admitWriters(admin: Client, change: Change, writers: WritingRole[], restorer: string) {
  const table = tableName(change);
  const { rows } = await admin.query<{ name: string }>("SELECT rolname AS name FROM pg_roles WHERE rolsuper");
  const taken = [restorer, ...rows.map(({ name }) => name)];
  for (const { name, inserts, updates } of writers.filter(({ name }) => !taken.includes(name))) {
    await ensureRole(admin, name, restorer, "LOGIN PASSWORD NULL NOSUPERUSER");
    const rights = [...(inserts ? ["INSERT"] : []), ...(updates ? ["SELECT", "UPDATE"] : [])];
    await admin.query(`GRANT USAGE ON SCHEMA ${quoteName(change.schema)} TO ${quoteName(name)}`);
    await admin.query(`GRANT ${rights.join(", ")} ON ${table} TO ${quoteName(name)}`);
  }
}

export interface CopyOptions {
  change: Change;
  /** Roles that write to the original. */
  writers: WritingRole[];
  appTriggers: AppTriggerMode;
}

/**
 * Makes a restored database fit to be rehearsed on: nothing of an earlier rollout in it, the roles that the change
 * needs, commits that wait for the disk. The restoring role gets no right that reaches beyond this server.
 * @param admin connection of the throwaway server's superuser to the copy. It runs catalogue statements only.
 * @returns whether schema `rollout` was discarded.
 */
export async function prepareCopy(
  admin: Client,
  target: RestoreTarget,
  options: CopyOptions,
): Promise<boolean> {
  const restorer = new URL(target.url).username;
  const discarded = await discardRollout(admin);
  const { ownerRole } = await readTargetFacts(admin, options.change);
  await ensureRole(admin, ownerRole.name, restorer, "NOLOGIN");
  await admitWriters(admin, options.change, options.writers, restorer);
  // A right on the throwaway server alone, which the original's migrator has there.
  if (options.appTriggers === "bypass") {
    await admin.query(`GRANT SET ON PARAMETER session_replication_role TO ${quoteName(restorer)}`);
  }
  // A dump was restored by this role; in a copy of the server's files the table still has its own owner.
  await admin.query(`ALTER TABLE ${tableName(options.change)} OWNER TO ${quoteName(restorer)}`);
  for (const setting of DURABLE) await admin.query(`ALTER SYSTEM SET ${setting} = on`);
  await admin.query("SELECT pg_reload_conf()");
  return discarded;
}

/** A copy of the copy, for what must not leave traces in it. No connection to the original may be open. */
export async function cloneDatabase(admin: Client, name: string, target: RestoreTarget): Promise<string> {
  const url = new URL(target.url);
  const { rows } = await admin.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  // The default would write all of it into the log as well.
  const strategy = (rows[0]?.version ?? 0) >= 150_000 ? "STRATEGY FILE_COPY" : "";
  const template = url.pathname.slice(1);
  await admin.query(
    `CREATE DATABASE ${quoteName(name)} TEMPLATE ${quoteName(template)} OWNER ${quoteName(url.username)} ${strategy}`,
  );
  url.pathname = `/${name}`;
  return url.href;
}
