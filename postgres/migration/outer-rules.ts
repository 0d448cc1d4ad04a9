import type { Client } from "pg";
import { parseSql } from "../sql/sql-parser.ts";
import type { Change } from "./change.ts";
import { tableName } from "./change-sql.ts";
import type { ColumnRule } from "./column-rules.ts";

/** Rules that stand outside of the table, and judge its rows by the column all the same. */

/** Views WITH CHECK OPTION over the table, directly or over other views. */
const VIEWS = `
  WITH RECURSIVE over (oid) AS (
    SELECT to_regclass($1)::oid
    UNION SELECT r.ev_class FROM over JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = over.oid
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid)
  SELECT c.relname AS name, c.oid::regclass::text AS view, pg_get_viewdef(c.oid) AS definition
  FROM pg_class c WHERE c.oid IN (SELECT oid FROM over) AND c.relkind = 'v'
    AND EXISTS (SELECT FROM unnest(c.reloptions) AS o WHERE o LIKE 'check_option=%') ORDER BY 2`;

interface ViewCheck {
  name: string;
  view: string;
  definition: string;
}

/** The view's WHERE, as long as it is one over the table alone, called by its name. */
async function conditionOf({ definition }: ViewCheck, change: Change): Promise<string | undefined> {
  const [statement] = await parseSql(definition);
  const [from, ...others] = (statement?.body.fromClause ?? []) as {
    RangeVar?: { schemaname?: string; relname?: string; alias?: unknown };
  }[];
  const source = from?.RangeVar;
  // Without a schema where the session's search_path has it.
  const schema = source?.schemaname ?? change.schema;
  const isTable = others.length === 0 && schema === change.schema && source?.relname === change.table;
  if (!isTable || source?.alias) return undefined;
  if (!statement?.body.whereClause) return "true";
  // As the server lays it out.
  return /\n {2}WHERE (.*?)(?:\n {2}ORDER BY .*)?;$/s.exec(definition)?.[1];
}

/** A view refuses a write through it whose row, once the normaliser has mapped it, is not in the view any more. */
export async function readViewChecks(client: Client, change: Change): Promise<Partial<ColumnRule>[]> {
  const { rows } = await client.query<ViewCheck>(VIEWS, [tableName(change)]);
  return Promise.all(
    rows.map(async (row): Promise<Partial<ColumnRule>> => {
      const condition = await conditionOf(row, change).catch(() => undefined);
      const unread = condition === undefined ? "it is no view over the table alone" : undefined;
      const label = `view ${row.view} WITH CHECK OPTION`;
      return { kind: "view", name: row.name, label, condition: condition ?? "true", unread };
    }),
  );
}

/** Row filters came with PostgreSQL 15. */
const HAS_FILTERS =
  "SELECT FROM pg_attribute WHERE attrelid = 'pg_publication_rel'::regclass AND attname = 'prqual'";

const FILTERS = `
  SELECT 'publication' AS kind, p.pubname AS name, 'publication ' || p.pubname AS label,
         pg_get_expr(l.prqual, l.prrelid) AS condition
  FROM pg_publication_rel l JOIN pg_publication p ON p.oid = l.prpubid
  WHERE l.prrelid = to_regclass($1) AND l.prqual IS NOT NULL ORDER BY 2`;

/** A publication with a row filter: a row that leaves it is deleted at the subscriber, one that enters is inserted. */
export async function readPublicationFilters(client: Client, change: Change): Promise<Partial<ColumnRule>[]> {
  if ((await client.query(HAS_FILTERS)).rowCount === 0) return [];
  return (await client.query<ColumnRule>(FILTERS, [tableName(change)])).rows;
}
