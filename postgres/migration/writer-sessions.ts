import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { APPLICATION_NAME } from "../connect.ts";
import { MAY_BECOME } from "../session-role.ts";
import type { Change } from "./change.ts";
import { tableName } from "./change-sql.ts";

/** A session that could write to the table. */
export interface WriterSession {
  pid: number;
  role: string;
  application: string | null;
  address: string | null;
}

/*
 * A session may have become another role since it logged in, which nobody else sees: a role that may become one that
 * writes counts too.
 *
 * Superusers of other names are left out: monitoring and the DBA's own session would never let it end, and they are
 * no writers of the application. The lock, or the closed table, keeps them from writing all the same.
 */
const SESSIONS = `
  SELECT a.pid, a.usename AS role, nullif(a.application_name, '') AS application, host(a.client_addr) AS address
  FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
  WHERE a.datname = current_database() AND coalesce(a.backend_type, 'client backend') = 'client backend'
    AND NOT (r.rolname = session_user AND a.application_name = $2)
    AND (NOT r.rolsuper OR r.rolname = session_user)
    AND EXISTS (
      SELECT FROM pg_roles w WHERE (w.oid = r.oid OR NOT w.rolsuper AND pg_has_role(r.oid, w.oid, ${MAY_BECOME}))
        AND (has_table_privilege(w.oid, to_regclass($1), 'INSERT, UPDATE, DELETE, TRUNCATE')
             OR has_any_column_privilege(w.oid, to_regclass($1), 'INSERT, UPDATE')))
  ORDER BY a.pid`;

/** Sessions on this database, other than ours, whose role may write to the table. */
export async function readWriterSessions(client: Client, change: Change): Promise<WriterSession[]> {
  const { rows } = await client.query<WriterSession>(SESSIONS, [tableName(change), APPLICATION_NAME]);
  return rows;
}

const SHOWN = 10;

/** `pid 4711 (gunicorn, role app, 10.0.0.3)`, and how many more. */
export function describeSessions(sessions: readonly WriterSession[]): string {
  const shown = sessions
    .slice(0, SHOWN)
    .map(
      ({ pid, role, application, address }) =>
        `pid ${pid} (${[application ?? "no application_name", `role ${role}`, ...(address ? [address] : [])].join(", ")})`,
    );
  const more = sessions.length > SHOWN ? ` and ${sessions.length - SHOWN} more` : "";
  return `${shown.join(", ")}${more}`;
}

const LOOK_MS = 200;

/** Waits until no writer is connected. @returns those that still are when the time is over. */
export async function waitForWritersToEnd(
  client: Client,
  change: Change,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<WriterSession[]> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const left = await readWriterSessions(client, change);
    if (left.length === 0 || performance.now() >= until) return left;
    await sleep(LOOK_MS);
  }
}
