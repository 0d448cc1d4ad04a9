import type { Client } from "pg";
import type { Change } from "../postgres/migration/change.ts";
import { subjectOf, tableName } from "../postgres/migration/change-sql.ts";
import { sqlState } from "../postgres/transaction.ts";
import { explainRead } from "./code-search.ts";
import { clip, type Finding } from "./finding.ts";
import { findReads, readPatterns } from "./read-patterns.ts";

/** Something of the database that holds SQL: a view, a function, a statement that ran. */
interface SqlSource {
  name: string;
  text: string;
}

const SOURCES_KEPT = 2_000;
const STATEMENTS_KEPT = 500;

const OWN_SCHEMAS = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'rollout')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = o.oid AND e.deptype = 'e')`;

/** Views, functions, partial indexes and policies that name the column. */
const OBJECTS = `
  SELECT * FROM (
    SELECT CASE o.relkind WHEN 'v' THEN 'view ' ELSE 'materialised view ' END || o.oid::regclass AS name,
           pg_get_viewdef(o.oid) AS text
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE o.relkind IN ('v', 'm') AND ${OWN_SCHEMAS}
    UNION ALL
    SELECT 'function ' || o.oid::regproc, o.prosrc
    FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE ${OWN_SCHEMAS}
    UNION ALL
    SELECT 'index ' || o.indexrelid::regclass, pg_get_expr(o.indpred, o.indrelid)
    FROM pg_index o WHERE o.indrelid = to_regclass($2) AND o.indpred IS NOT NULL
    UNION ALL
    SELECT 'policy ' || polname, concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy WHERE polrelid = to_regclass($2)
  ) AS sources WHERE position($1 IN text) > 0 ORDER BY name LIMIT ${SOURCES_KEPT}`;

/** Materialised views hold what was there when they were refreshed. */
const MATERIALISED = `
  SELECT DISTINCT c.oid::regclass::text AS name FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE c.relkind = 'm' AND d.refobjid = to_regclass($1) AND a.attname = $2 ORDER BY 1`;

const note = (subject: string, finding: string, remedy: string): Finding => ({
  ...{ severity: "note", topic: "statements", subject, finding, remedy },
});

/** The findings of one source, each kind of read once. */
function judgeSource({ name, text }: SqlSource, change: Change, patterns = readPatterns(change)): Finding[] {
  const seen = new Set<string>();
  return findReads(text, change, patterns).flatMap((read) => {
    if (seen.has(read.kind)) return [];
    seen.add(read.kind);
    const { finding, remedy } = explainRead(read, change);
    const excerpt = clip(text.slice(Math.max(0, read.at - 60), read.at + 60), 100);
    return [note(name, `${finding}: ${excerpt}`, remedy)];
  });
}

async function readStatements(client: Client, change: Change): Promise<SqlSource[] | string> {
  const { rows: places } = await client.query<{ view: string }>(
    `SELECT quote_ident(n.nspname) || '.pg_stat_statements' AS view FROM pg_extension e
     JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
  );
  const view = places[0]?.view;
  if (!view) return "the extension is not installed in this database";
  try {
    const { rows } = await client.query<SqlSource>(
      `SELECT 'statement run ' || sum(calls) || ' times' AS name, left(query, 20000) AS text FROM ${view}
       WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (position($1 IN query) > 0 OR query = '<insufficient privilege>' OR query ~* '\\mreturning\\M|\\mcopy\\M')
         -- Not our own looks at the table.
         AND position('ONLY ' || $2 IN query) = 0
       GROUP BY query ORDER BY sum(calls) DESC LIMIT ${STATEMENTS_KEPT}`,
      [change.column, tableName(change)],
    );
    const hidden = rows.some(({ text }) => text === "<insufficient privilege>");
    return hidden && rows.length === 1 ? "this role may not read the statements of others" : rows;
  } catch (error) {
    // 55000: not in shared_preload_libraries; 42501: no right to the view.
    return (
      { "55000": "it is not loaded by the server", "42501": "this role may not read it" }[
        sqlState(error) ?? ""
      ] ?? `it could not be read (${clip((error as Error).message)})`
    );
  }
}

async function judgeStatements(client: Client, change: Change): Promise<Finding[]> {
  const statements = await readStatements(client, change);
  if (typeof statements === "string") {
    const remedy =
      "CREATE EXTENSION, or GRANT pg_read_all_stats, to have the review look at what really runs.";
    return [note("pg_stat_statements", `what really runs was not looked at: ${statements}`, remedy)];
  }
  const patterns = readPatterns(change);
  const hidden = statements.filter(({ text }) => text === "<insufficient privilege>");
  return [
    ...statements.flatMap((source) => judgeSource(source, change, patterns)),
    ...(hidden.length > 0
      ? [
          note(
            "pg_stat_statements",
            "statements of other roles are hidden from this one",
            "GRANT pg_read_all_stats to it for the review.",
          ),
        ]
      : []),
  ];
}

/** Reads within the database that will notice: views, functions, partial indexes, policies, statements that ran. */
export async function searchDatabase(client: Client, change: Change): Promise<Finding[]> {
  const { rows: objects } = await client.query<SqlSource>(OBJECTS, [change.column, tableName(change)]);
  const { rows: stale } = await client.query<{ name: string }>(MATERIALISED, [
    tableName(change),
    change.column,
  ]);
  const patterns = readPatterns(change);
  return [
    ...objects.flatMap((source) => judgeSource(source, change, patterns)),
    ...stale.map(({ name }) =>
      note(
        `materialised view ${name}`,
        `holds ${subjectOf(change)} as it was when it was refreshed last`,
        "REFRESH MATERIALIZED VIEW after phase 1, and after its undo.",
      ),
    ),
    ...(await judgeStatements(client, change)),
  ];
}
