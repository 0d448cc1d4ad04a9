import type { Client } from "pg";
import { MAY_BECOME } from "../session-role.ts";
import { type AppTriggers, readAppTriggers } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { tableName } from "./change-sql.ts";
import { type Publications, readPublications } from "./publications.ts";

/** A trigger, rule or constraint of the application that the change has to reckon with. */
export interface NamedFact {
  name: string;
  detail: string;
}

/** What the catalogues say about the table of the change, the role we are, and who else is at work. */
export interface TargetFacts {
  database: string;
  role: string;
  standby: boolean;
  table: TableFacts | undefined;
  column: ColumnFacts | undefined;
  key: KeyFacts | undefined;
  appTriggers: AppTriggers;
  /** Foreign keys and checks in which the column takes part. */
  foreignKeys: NamedFact[];
  checks: NamedFact[];
  publications: Publications;
  mayCreateSchema: boolean;
  mayCreateRole: boolean;
  /** `inherits`: rights of a role that is granted to ours come with it, unless the grant says otherwise. */
  ownerRole: { name: string; exists: boolean; member: boolean; inherits: boolean };
  wraparoundVacuumPid: number | null;
  longTransactions: NamedFact[];
}

export interface TableFacts {
  kind: string;
  persistence: string;
  isPartition: boolean;
  inherits: boolean;
  hasRules: boolean;
  owner: string;
  owns: boolean;
  rowSecurity: boolean;
  /** Rows as the planner estimates them; -1 when never analysed. */
  estimatedRows: number;
  bytes: number;
}

export interface ColumnFacts {
  type: string;
  baseType: string;
  maxLength: number | null;
  default: string | null;
  notNull: boolean;
  /** Name of its NOT NULL where that is NOT VALID: rows from before may be NULL (PostgreSQL 18). */
  notValid: string | null;
  generated: boolean;
  deterministic: boolean;
}

export interface KeyFacts {
  type: string;
  isPrimary: boolean;
  deferrable: boolean;
  deterministic: boolean;
}

const TABLE = `
  SELECT c.relkind AS kind, c.relpersistence AS persistence, c.relispartition AS "isPartition",
         EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)) AS inherits,
         -- Not relhasrules, which stays true until a VACUUM once the last rule is dropped.
         EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid) AS "hasRules", pg_get_userbyid(c.relowner) AS owner,
         pg_has_role(c.relowner, 'USAGE') AS owns,
         c.relrowsecurity AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) AND NOT
           (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS "rowSecurity",
         c.reltuples::float8 AS "estimatedRows", pg_total_relation_size(c.oid)::float8 AS bytes
  FROM pg_class c WHERE c.oid = to_regclass($1)`;

const COLUMN = `
  SELECT format_type(a.atttypid, a.atttypmod) AS type, format_type(a.atttypid, NULL) AS "baseType",
         CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS "maxLength",
         pg_get_expr(d.adbin, d.adrelid) AS default, a.attnotnull AS "notNull",
         (SELECT n.conname FROM pg_constraint n WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND a.attnum = ANY (n.conkey)
            AND NOT n.convalidated) AS "notValid", a.attgenerated <> '' AS generated,
         coalesce((SELECT collisdeterministic FROM pg_collation WHERE oid = a.attcollation), true) AS deterministic
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped`;

const KEY = `
  SELECT format_type(a.atttypid, NULL) AS type, i.indexrelid IS NOT NULL AS "isPrimary",
         coalesce(NOT i.indimmediate, false) AS deferrable,
         coalesce((SELECT collisdeterministic FROM pg_collation WHERE oid = a.attcollation), true) AS deterministic
  FROM pg_attribute a
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND i.indnkeyatts = 1
       AND i.indkey[0] = a.attnum
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped`;

const CONSTRAINTS = `
  SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS detail, c.contype AS type
  FROM pg_constraint c
  JOIN pg_attribute a ON a.attname = $2 AND a.attrelid = to_regclass($1)
  WHERE (c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey)
         OR c.confrelid = a.attrelid AND a.attnum = ANY (c.confkey)) AND c.contype IN ('f', 'c') ORDER BY 1`;

const SESSION = `
  SELECT current_database() AS database, current_user AS role, pg_is_in_recovery() AS standby,
         has_database_privilege(current_database(), 'CREATE')
           OR to_regclass('rollout.lease') IS NOT NULL AS "mayCreateSchema",
         r.rolsuper OR r.rolcreaterole AND (r.rolinherit OR current_setting('server_version_num')::int >= 160000)
           AS "mayCreateRole",
         'rollout_journal_' || d.oid AS "ownerRole",
         EXISTS (SELECT FROM pg_roles WHERE rolname = 'rollout_journal_' || d.oid) AS "ownerExists",
         r.rolinherit AS "roleInherits",
         r.rolsuper OR EXISTS (SELECT FROM pg_roles o WHERE o.rolname = 'rollout_journal_' || d.oid
                               -- To give the functions to it, and to call them as it.
                               AND pg_has_role(o.oid, ${MAY_BECOME}) AND pg_has_role(o.oid, 'USAGE')) AS "ownerMember",
         (SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid)
          WHERE a.backend_type = 'autovacuum worker' AND a.query LIKE '%to prevent wraparound%'
            AND l.relation = to_regclass($1) LIMIT 1) AS "wraparoundVacuumPid"
  FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user`;

const LONG_TRANSACTIONS = `
  SELECT DISTINCT coalesce(nullif(a.application_name, ''), a.usename, '?') || ' (pid ' || a.pid || ')' AS name,
         round(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s' AS detail
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.relation = to_regclass($1) AND l.granted AND a.pid <> pg_backend_pid()
    AND a.xact_start < clock_timestamp() - interval '5 s' ORDER BY 1 LIMIT 5`;

/** Reads everything that decides whether and how the change can be made. Catalogues only, no lock that hurts. */
export async function readTargetFacts(client: Client, change: Change): Promise<TargetFacts> {
  const table = tableName(change);
  const all = async <T>(sql: string, ...values: string[]) => (await client.query(sql, values)).rows as T[];
  const column = change.column;
  const [session] = await all<TargetFacts & Record<"ownerExists" | "ownerMember" | "roleInherits", boolean>>(
    SESSION,
    table,
  );
  if (!session) throw new Error("postgres: expected a row about this session, got none");
  const appTriggers = await readAppTriggers(client, change);
  const constraints = await all<NamedFact & { type: string }>(CONSTRAINTS, table, column);
  return {
    ...session,
    ownerRole: {
      name: session.ownerRole as unknown as string,
      exists: session.ownerExists,
      member: session.ownerMember,
      inherits: session.roleInherits,
    },
    table: (await all<TableFacts>(TABLE, table))[0],
    column: (await all<ColumnFacts>(COLUMN, table, column))[0],
    key: (await all<KeyFacts>(KEY, table, change.key))[0],
    appTriggers,
    foreignKeys: constraints.filter(({ type }) => type === "f"),
    checks: constraints.filter(({ type }) => type === "c"),
    publications: await readPublications(client, change, appTriggers.serverVersion),
    longTransactions: await all(LONG_TRANSACTIONS, table),
  };
}
