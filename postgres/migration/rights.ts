import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";
import { findVersionTable, type VersionTable } from "./version-table.ts";

/** Rights that are missing, each as a sentence with the statement that grants it. */
export interface MissingRights {
  /** Without these not even a preview can look. */
  toRead: string[];
  toWrite: string[];
}

/** What the phase will do beside its table. */
export interface RightsNeeded {
  /** Alembic's table is written, where there is one. */
  stamps: boolean;
}

/** Catalogues and views that are asked on the way, by anybody unless somebody took the right away. */
const CATALOGUES = [
  ...["pg_stat_activity", "pg_locks", "pg_roles", "pg_settings", "pg_database", "pg_class", "pg_proc"],
  ...["pg_namespace", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_inherits"],
  ...["pg_collation", "pg_depend", "pg_publication", "pg_publication_rel", "pg_language", "pg_description"],
];

const UNREADABLE_CATALOGUES = `
  SELECT c.relname AS name FROM pg_class AS c
  WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relname = ANY ($1)
    AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1`;

interface Facts {
  role: string;
  /** Null where there is no such schema, table or language. */
  schemaUsage: boolean | null;
  language: boolean | null;
  rolloutOwner: string | null;
  rolloutUsable: boolean | null;
  tableLacks: string[] | null;
}

const lacks = (oid: string, privileges: string) =>
  `ARRAY(SELECT p FROM unnest(${privileges}) AS p WHERE NOT has_table_privilege(${oid}, p))`;

const FACTS = `
  SELECT current_user AS role, has_schema_privilege(s.oid, 'USAGE') AS "schemaUsage",
         (SELECT has_language_privilege(l.oid, 'USAGE') FROM pg_language AS l WHERE l.lanname = 'plpgsql') AS language,
         pg_get_userbyid(r.nspowner) AS "rolloutOwner", pg_has_role(r.nspowner, 'USAGE') AS "rolloutUsable",
         -- By names, and never by to_regclass, which fails where a schema may not be used.
         (SELECT ${lacks("c.oid", "ARRAY['SELECT', 'INSERT', 'UPDATE', 'TRIGGER']")} FROM pg_class AS c
          WHERE c.relnamespace = s.oid AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) AS "tableLacks"
  FROM (SELECT) AS one LEFT JOIN pg_namespace AS s ON s.nspname = $1
       LEFT JOIN pg_namespace AS r ON r.nspname = 'rollout'`;

const expected = (role: string, what: string, remedy: string) =>
  `expected role ${role} ${what}, got no right. ${remedy}.`;

function tableRights(facts: Facts, name: string, lacking: readonly string[]): string[] {
  if (lacking.length === 0) return [];
  const rights = lacking.join(", ");
  const remedy = `As its owner or a superuser: GRANT ${rights} ON ${name} TO ${quoteName(facts.role)}`;
  return [expected(facts.role, `to have ${rights} on ${name}`, remedy)];
}

const schemaRight = (role: string, schema: string) =>
  expected(
    role,
    `to use schema ${schema}`,
    `As its owner or a superuser: GRANT USAGE ON SCHEMA ${schema} TO ${quoteName(role)}`,
  );

function readRights(facts: Facts, change: Change): string[] {
  const { role, schemaUsage, rolloutOwner, rolloutUsable } = facts;
  return [
    ...(schemaUsage === false ? [schemaRight(role, quoteName(change.schema))] : []),
    ...(rolloutUsable === false
      ? [
          expected(
            role,
            `to own schema rollout, which role ${rolloutOwner} made`,
            `Connect as that role, or GRANT ${quoteName(rolloutOwner ?? "")} TO ${quoteName(role)}, with INHERIT`,
          ),
        ]
      : []),
  ];
}

/** Row security of a table that is not the role's own: what it filters can't be told from what is not there. */
const seesAll = (role: string, table: string) =>
  `expected role ${role} to see every row of ${table}, got row security that filters for it. ` +
  `As its owner or a superuser: ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY, or ALTER ROLE ${quoteName(role)} BYPASSRLS.`;

/** What is missing for the stamp: Alembic's table may lie in a schema that ours has nothing to do with. */
async function versionRights(
  client: Client,
  facts: Facts,
  { oid, sql }: VersionTable,
): Promise<MissingRights> {
  const { rows } = await client.query<{
    lacking: string[];
    schema: string;
    usable: boolean;
    filtered: boolean;
  }>(
    `SELECT ${lacks("c.oid", "ARRAY['SELECT', 'INSERT', 'DELETE']")} AS lacking,
            c.relnamespace::regnamespace::text AS schema, has_schema_privilege(c.relnamespace, 'USAGE') AS usable,
            row_security_active(c.oid) AS filtered
     FROM pg_class AS c WHERE c.oid = $1`,
    [oid],
  );
  const { lacking = [], schema = "", usable = true, filtered = false } = rows[0] ?? {};
  return {
    toRead: [
      ...(usable ? [] : [schemaRight(facts.role, schema)]),
      ...tableRights(
        facts,
        sql,
        lacking.filter((right) => right === "SELECT"),
      ),
      ...(filtered ? [seesAll(facts.role, sql)] : []),
    ],
    toWrite: tableRights(
      facts,
      sql,
      lacking.filter((right) => right !== "SELECT"),
    ),
  };
}

function languageRights({ role, language }: Facts): string[] {
  if (language) return [];
  const remedy =
    language === null
      ? "CREATE EXTENSION plpgsql"
      : `As a superuser: GRANT USAGE ON LANGUAGE plpgsql TO ${quoteName(role)}`;
  return [expected(role, "to write functions in plpgsql, which the triggers are made of", remedy)];
}

/**
 * Rights of the session's role that the steps on the table need, phase 4 included, asked of the catalogue alone. Those
 * of the owner and to create are among the findings about the target.
 */
export async function missingRights(
  client: Client,
  change: Change,
  { stamps }: RightsNeeded,
): Promise<MissingRights> {
  const catalogues = await client.query<{ name: string }>(UNREADABLE_CATALOGUES, [CATALOGUES]);
  const names = catalogues.rows.map(({ name }) => name).join(", ");
  if (names !== "") {
    const remedy = `As a superuser: GRANT SELECT ON ${names} TO the role`;
    return { toRead: [expected(client.user ?? "", `to read ${names}`, remedy)], toWrite: [] };
  }
  const { rows } = await client.query<Facts>(FACTS, [change.schema, change.table]);
  const facts = rows[0] as Facts;
  const version = stamps ? await findVersionTable(client, change) : undefined;
  const alembic = version ? await versionRights(client, facts, version) : { toRead: [], toWrite: [] };
  const onTable = facts.tableLacks ?? [];
  const [reads, writes] = [(r: string) => r === "SELECT", (r: string) => r !== "SELECT"];
  return {
    toRead: [
      ...readRights(facts, change),
      ...tableRights(facts, tableName(change), onTable.filter(reads)),
      ...alembic.toRead,
    ],
    toWrite: [
      ...tableRights(facts, tableName(change), onTable.filter(writes)),
      ...alembic.toWrite,
      ...languageRights(facts),
    ],
  };
}

/** @throws {StepError} where a step cannot even look: the right, and not the server's bare refusal. */
export async function assertReadable(
  client: Client,
  change: Change,
  { step, ...needed }: RightsNeeded & { step: string },
): Promise<void> {
  const { toRead } = await missingRights(client, change, needed);
  if (toRead.length > 0) throw new StepError(`${step}: ${toRead.join(" ")}`);
}
