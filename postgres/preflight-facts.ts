import type { Client } from "pg";
import type { Change } from "./migration/change.ts";
import { READ_ONLY_BEFORE } from "./session-settings.ts";

/** What the environment check wants to know of a server. */
export interface ServerFacts {
  database: string;
  role: string;
  version: string;
  versionNumber: number;
  standby: boolean;
  readOnly: boolean;
  walLevel: string;
  maxWalSize: string;
  /** Size of the log on the server's disk; absent when the role may not see it. */
  walSize?: string;
  databaseSize: string;
  encoding: string;
  backendPid: number;
  mayCreateSchema: boolean;
}

/** Our own sessions write all the same: the undo must. What was found at their start is told here. */
const SERVER_FACTS = `
SELECT current_database() AS database, current_user AS role,
       current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS "versionNumber",
       pg_is_in_recovery() AS standby,
       coalesce(current_setting('${READ_ONLY_BEFORE}', true), 'off')::bool AS "readOnly",
       current_setting('wal_level') AS "walLevel", current_setting('max_wal_size') AS "maxWalSize",
       has_function_privilege('pg_ls_waldir()', 'EXECUTE') AS "maySeeWal",
       pg_size_pretty(pg_database_size(current_database())) AS "databaseSize",
       pg_encoding_to_char(d.encoding) AS encoding, pg_backend_pid() AS "backendPid",
       has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema"
  FROM pg_database d WHERE d.datname = current_database()`;

/** The changed column as the catalogue has it. Undefined fields = not there. */
export interface TargetFacts {
  kind: string;
  owner: string;
  owns: boolean;
  maySelect: boolean;
  mayUpdate: boolean;
  columnType: string | null;
  keyType: string | null;
  keyIsPrimary: boolean;
  /** Rows as the planner estimates them; -1 when never analysed. */
  estimatedRows: number;
}

const TARGET_FACTS = `
SELECT c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS owns,
       has_table_privilege(c.oid, 'SELECT') AS "maySelect", has_table_privilege(c.oid, 'UPDATE') AS "mayUpdate",
       (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped) AS "columnType",
       (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attname = $4 AND a.attnum > 0 AND NOT a.attisdropped) AS "keyType",
       EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $4
                WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
              ) AS "keyIsPrimary",
       c.reltuples::float8 AS "estimatedRows"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

/** Asks the server about itself. */
export async function readServerFacts(client: Client): Promise<ServerFacts> {
  const { rows } = await client.query<ServerFacts & { maySeeWal: boolean }>(SERVER_FACTS);
  const facts = rows[0];
  if (!facts) throw new Error("environment-check: expected one row of server facts, got none.");
  const { maySeeWal, ...known } = facts;
  // A query of its own: permission for a function in FROM is checked even in a branch that is not taken.
  if (!maySeeWal) return known;
  const wal = await client.query<{ size: string }>(
    "SELECT pg_size_pretty(sum(size)) AS size FROM pg_ls_waldir()",
  );
  return { ...known, ...(wal.rows[0] ? { walSize: wal.rows[0].size } : {}) };
}

/** Asks the catalogue about the changed table; undefined when the database has no such table. */
export async function readTargetFacts(client: Client, change: Change): Promise<TargetFacts | undefined> {
  const { schema, table, column, key } = change;
  const { rows } = await client.query<TargetFacts>(TARGET_FACTS, [schema, table, column, key]);
  return rows[0];
}

/**
 * Seconds by which the database's clock is ahead of this machine's, and how far off that may be (half of the
 * round trip). The shortest of a few trips counts.
 */
export async function measureClockSkew(
  client: Client,
  now: () => Date,
): Promise<{ skewSeconds: number; errorSeconds: number }> {
  let best = { skewSeconds: 0, errorSeconds: Number.POSITIVE_INFINITY };
  for (let trip = 0; trip < 3; trip += 1) {
    const before = now().getTime();
    const { rows } = await client.query<{ ms: number }>(
      "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms",
    );
    const after = now().getTime();
    const errorSeconds = (after - before) / 2000;
    const skewSeconds = ((rows[0]?.ms ?? 0) - (before + after) / 2) / 1000;
    if (errorSeconds < best.errorSeconds) best = { skewSeconds, errorSeconds };
  }
  return best;
}
