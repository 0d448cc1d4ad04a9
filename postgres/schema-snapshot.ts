import { createHash } from "node:crypto";
import type { Client } from "pg";
import { quoteName } from "./migration/change-sql.ts";
import { inTransaction } from "./transaction.ts";

/** Everything that describes a database apart from its rows, as sorted lines of text by kind. */
export type SchemaSnapshot = Record<string, string[]>;

/** Rows of every table: its full text rows by primary key (or as a whole), hashed when there are many. */
export type RowSnapshot = Record<string, string[]>;

const USER_SCHEMAS = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;

/** One query for each kind of thing; each gives one column `line`. */
const QUERIES: Record<string, string> = {
  schemas: `SELECT format('%s owner %s acl %s comment %s', n.nspname, pg_get_userbyid(n.nspowner), n.nspacl,
      obj_description(n.oid, 'pg_namespace')) AS line FROM pg_namespace n WHERE ${USER_SCHEMAS}`,
  relations: `SELECT format('%s.%s kind %s owner %s acl %s rls %s/%s replica %s options %s persistence %s',
      n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl, c.relrowsecurity,
      c.relforcerowsecurity, c.relreplident, c.reloptions, c.relpersistence) AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${USER_SCHEMAS} AND n.nspname NOT LIKE 'pg_toast%'`,
  columns: `SELECT format('%s.%s.%s type %s default %s notnull %s identity %s generated %s acl %s position %s',
      n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),
      a.attnotnull, a.attidentity, a.attgenerated, a.attacl, a.attnum) AS line
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE ${USER_SCHEMAS} AND a.attnum > 0 AND NOT a.attisdropped`,
  constraints: `SELECT format('%s on %s: %s validated %s', c.conname, c.conrelid::regclass,
      pg_get_constraintdef(c.oid), c.convalidated) AS line
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE ${USER_SCHEMAS}`,
  indexes: `SELECT format('%s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid) AS line
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${USER_SCHEMAS}`,
  triggers: `SELECT format('%s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) AS line FROM pg_trigger t
    WHERE NOT t.tgisinternal`,
  functions: `SELECT format('%s(%s) owner %s acl %s source %s', p.oid::regproc,
      pg_get_function_identity_arguments(p.oid), pg_get_userbyid(p.proowner), p.proacl, md5(p.prosrc)) AS line
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${USER_SCHEMAS}`,
  types: `SELECT format('%s.%s type %s', n.nspname, t.typname, t.typtype) AS line
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${USER_SCHEMAS}`,
  policies: `SELECT format('%s on %s: %s %s %s', polname, polrelid::regclass, polcmd,
      pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) AS line FROM pg_policy`,
  publications: `SELECT format('%s %s', p.pubname, p.puballtables) AS line FROM pg_publication p`,
  extensions: `SELECT format('%s %s', extname, extversion) AS line FROM pg_extension`,
  defaultAcls: `SELECT format('%s %s %s', defaclrole::regrole, defaclobjtype, defaclacl) AS line FROM pg_default_acl`,
  // Memberships and roles that are ours or have a part in this database; others may come and go beside us.
  roles: `SELECT format('%s login %s super %s', rolname, rolcanlogin, rolsuper) AS line FROM pg_roles r
    WHERE rolname = 'rollout_journal_' || (SELECT oid FROM pg_database WHERE datname = current_database())
       OR EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
                  AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
};

/** Reads the schema: tables, columns, defaults, constraints, indexes, triggers, functions, ACLs, owners, roles. */
export async function snapshotSchema(client: Client): Promise<SchemaSnapshot> {
  const snapshot: SchemaSnapshot = {};
  for (const [kind, sql] of Object.entries(QUERIES)) {
    const { rows } = await client.query<{ line: string }>(sql);
    snapshot[kind] = rows.map(({ line }) => line).sort();
  }
  return snapshot;
}

const TABLES = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'S') AND ${USER_SCHEMAS} ORDER BY 1, 2`;

/** Above this many rows a table is kept as one digest instead of its rows. */
const ROWS_KEPT = 5_000;

/** Reads all columns of all tables and the state of all sequences, in one snapshot. */
export async function snapshotRows(client: Client): Promise<RowSnapshot> {
  const settings = { TimeZone: "UTC", DateStyle: "ISO", extra_float_digits: "1", bytea_output: "hex" };
  return inTransaction(client, { mode: "ISOLATION LEVEL REPEATABLE READ, READ ONLY", settings }, async () => {
    const { rows: tables } = await client.query<{ schema: string; name: string; kind: string }>(TABLES);
    const snapshot: RowSnapshot = {};
    for (const { schema, name, kind } of tables) {
      const relation = `${quoteName(schema)}.${quoteName(name)}`;
      // A sequence's log_cnt says how many numbers are logged ahead: a checkpoint changes it.
      const lines = kind === "S" ? `format('%s %s', last_value, is_called)` : "t.*::text";
      const only = kind === "S" ? "" : "ONLY";
      const { rows } = await client.query<{ line: string }>(
        `SELECT ${lines} AS line FROM ${only} ${relation} AS t`,
      );
      snapshot[`${schema}.${name}`] = condense(rows.map(({ line }) => line).sort());
    }
    return snapshot;
  });
}

function condense(lines: string[]): string[] {
  if (lines.length <= ROWS_KEPT) return lines;
  const digest = createHash("sha256");
  for (const line of lines) digest.update(line).update("\n");
  return [`${lines.length} rows, sha256 ${digest.digest("hex")}`];
}

/** Schema and rows together: two equal ones mean that nobody can tell the databases apart. */
export async function snapshotDatabase(
  client: Client,
): Promise<{ schema: SchemaSnapshot; rows: RowSnapshot }> {
  return { schema: await snapshotSchema(client), rows: await snapshotRows(client) };
}
