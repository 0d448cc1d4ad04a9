import pg, { type Client } from "pg";

/** A table whose rows a dump holds. */
export interface DumpTable {
  schema: string;
  name: string;
  /** Sorted by name: a restored child table may have its columns in another order. */
  columns: string[];
}

export interface DumpSequence {
  schema: string;
  name: string;
  /** As text: beyond 2^53 a number would lie. */
  lastValue: string;
  isCalled: boolean;
  increment: string;
}

/** What a database consists of, at the moment of a snapshot. */
export interface Inventory {
  server: ServerIdentity;
  tables: DumpTable[];
  sequences: DumpSequence[];
  extensions: { name: string; version: string; schema: string }[];
  /** Filled by a refresh or by another server, so not compared after a restore: named instead. */
  materialisedViews: string[];
  foreignTables: string[];
  /** Configuration tables of extensions: dumped in part, so named and not compared. */
  extensionTables: string[];
  /** All roles but PostgreSQL's own; a restore needs their names for grants and policies. */
  roles: string[];
}

/** Which server and which database; enough to know both again and to make a like one. */
export interface ServerIdentity {
  database: string;
  databaseOid: string;
  /** Of the cluster, chosen at initdb; null where the role may not see it. */
  systemIdentifier: string | null;
  version: string;
  versionNumber: number;
  encoding: string;
  collate: string;
  ctype: string;
}

const SERVER = `
SELECT d.datname AS database, d.oid::text AS "databaseOid",
       pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
       current_setting('server_version') AS version, current_setting('server_version_num')::int AS "versionNumber",
       has_function_privilege('pg_control_system()', 'EXECUTE') AS "maySeeControl"
  FROM pg_database d WHERE d.datname = current_database()`;

const USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'";
const OF_EXTENSION =
  "EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const TABLES = `
SELECT n.nspname AS schema, c.relname AS name,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              ORDER BY a.attname COLLATE "C") AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND ${USER_SCHEMA} AND NOT ${OF_EXTENSION}
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const SEQUENCES = `
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement::text AS increment
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE ${USER_SCHEMA} AND NOT ${OF_EXTENSION}
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const namesOf = (kind: string, members = "NOT") => `
SELECT format('%s.%s', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN (${kind}) AND ${USER_SCHEMA} AND ${members} ${OF_EXTENSION} ORDER BY 1`;

const EXTENSIONS = `
SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname <> 'plpgsql' ORDER BY e.extname`;

const ROLES = "SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname";

/** A name quoted for use in SQL, whatever characters it holds. */
export const quoted = (name: string): string => pg.escapeIdentifier(name);

/** Quoted, schema-qualified name for use in SQL. */
export const qualified = ({ schema, name }: { schema: string; name: string }): string =>
  `${quoted(schema)}.${quoted(name)}`;

/** Which server and database this connection reaches. */
export async function readServerIdentity(client: Client): Promise<ServerIdentity> {
  const { rows } = await client.query<ServerIdentity & { maySeeControl: boolean }>(SERVER);
  const { maySeeControl, ...identity } = rows[0] as ServerIdentity & { maySeeControl: boolean };
  if (!maySeeControl) return { ...identity, systemIdentifier: null };
  const control = await client.query<{ id: string }>(
    "SELECT system_identifier::text AS id FROM pg_control_system()",
  );
  return { ...identity, systemIdentifier: control.rows[0]?.id ?? null };
}

/** Sequences are outside of transactions: read before the dump, so a dump holds the same value or a later one. */
async function readSequences(client: Client): Promise<DumpSequence[]> {
  const { rows } = await client.query<Omit<DumpSequence, "lastValue" | "isCalled">>(SEQUENCES);
  const sequences: DumpSequence[] = [];
  for (const sequence of rows) {
    const state = await client.query<{ lastValue: string; isCalled: boolean }>(
      `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${qualified(sequence)}`,
    );
    const { lastValue, isCalled } = state.rows[0] as { lastValue: string; isCalled: boolean };
    sequences.push({ ...sequence, lastValue, isCalled });
  }
  return sequences;
}

/** Lists the database through the connection's current snapshot. */
export async function readInventory(client: Client): Promise<Inventory> {
  const names = async (sql: string) =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);
  return {
    server: await readServerIdentity(client),
    tables: (await client.query<DumpTable>(TABLES)).rows,
    sequences: await readSequences(client),
    extensions: (await client.query<Inventory["extensions"][number]>(EXTENSIONS)).rows,
    materialisedViews: await names(namesOf("'m'")),
    foreignTables: await names(namesOf("'f'")),
    extensionTables: await names(namesOf("'r'", "")),
    roles: await names(ROLES),
  };
}
