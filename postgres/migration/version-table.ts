import type { Client } from "pg";
import type { Change } from "./change.ts";
import { quoteName } from "./change-sql.ts";

/** A table in which Alembic keeps its revision. */
export interface VersionTable {
  oid: number;
  /** As it is written in SQL. */
  sql: string;
  /** As the configuration and people write it: `crm.alembic_version`. */
  name: string;
}

/** Alembic's table by its shape, whatever `version_table` calls it: one column, `version_num`. */
const BY_SHAPE = `
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS table
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rollout')
    AND ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
        = ARRAY['version_num']
  ORDER BY 2, 3`;

/** Every such table of the database, in whatever schema: one that is not beside ours may be the application's all the same. */
export async function findVersionTables(client: Client): Promise<VersionTable[]> {
  const { rows } = await client.query<{ oid: number; schema: string; table: string }>(BY_SHAPE);
  return rows.map(({ oid, schema, table }) => ({
    oid,
    sql: `${quoteName(schema)}.${quoteName(table)}`,
    name: `${schema}.${table}`,
  }));
}

const CONFIGURED =
  "Set change.versionTable to the one that the application's Alembic writes to (env.py: version_table, version_table_schema).";

/** The one that counts; undefined where there is none, or where nobody can tell which. */
export async function findVersionTable(client: Client, change: Change): Promise<VersionTable | undefined> {
  const tables = await findVersionTables(client);
  const wanted = change.versionTable;
  if (wanted !== undefined) return tables.find(({ name }) => name === wanted);
  return tables.length === 1 ? tables[0] : undefined;
}

/** Why it can't be told where Alembic keeps its revision. */
export async function versionTableBlocker(client: Client, change: Change): Promise<string | undefined> {
  const tables = await findVersionTables(client);
  const names = tables.map(({ name }) => name).join(", ");
  const wanted = change.versionTable;
  if (wanted !== undefined && !tables.some(({ name }) => name === wanted)) {
    const remedy = "Correct change.versionTable, or leave it out where Alembic is not used.";
    return `expected Alembic's table ${wanted} (change.versionTable), got ${names || "no such table in any schema"}. ${remedy}`;
  }
  if (wanted !== undefined || tables.length <= 1) return undefined;
  return `expected one table of Alembic's in the database, got ${names}. ${CONFIGURED}`;
}
