import type { Client } from "pg";
import type { Settings } from "./transaction.ts";

/*
 * A session has two roles: the one that logged in (`session_user`) and the one that it works as (`current_user`), which
 * `ALTER ROLE … SET role` makes another from the start. Rights on objects are the second one's. The first one's are:
 * which roles it may become, and what it is shown of its own sessions in pg_stat_activity.
 */

/** For a transaction that reads pg_stat_activity: the role that logged in is shown its own sessions whole. */
export const AS_LOGIN_ROLE: Settings = { role: "none" };

/** What `pg_has_role` is asked for whether one role may become another: a right of its own since PostgreSQL 16. */
export const MAY_BECOME =
  "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";

/** Name of the role that the session works as: the one to grant a right to. */
export async function workingRole(client: Client): Promise<string> {
  const { rows } = await client.query<{ role: string }>("SELECT current_user AS role");
  return rows[0]?.role ?? client.user ?? "";
}
