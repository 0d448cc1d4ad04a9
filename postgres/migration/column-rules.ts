import type { Client } from "pg";
import { columnsIn, findNodes, parseSql } from "../sql/sql-parser.ts";
import type { Change } from "./change.ts";
import { OWN_TRIGGER_NAME, quoteName, tableName } from "./change-sql.ts";
import { readPublicationFilters, readViewChecks } from "./outer-rules.ts";
import { helperName } from "./target-findings.ts";

/** A column as the table has it. */
interface Column {
  name: string;
  type: string;
  /** Expression of a generated one, else null. */
  generated: string | null;
  notNull: boolean;
  /** Letters that fit; null without a limit. */
  maxLength: number | null;
}

/** Something of the table that judges a row by the column, directly or by a column that is generated from it. */
export interface ColumnRule {
  kind: "check" | "policy" | "trigger" | "unique" | "exclude" | "view" | "publication";
  /** What `migration.accept` lists. */
  name: string;
  /** How it is named to people: `CHECK big`. */
  label: string;
  /** Condition that a row has to meet (check, policy), or that puts it under the rule (trigger, unique, exclude). */
  condition: string;
  /** Expression of a generated column or an index, whose value has to come out as well. */
  worksOut: string | undefined;
  /** What is compared between rows; empty for conditions on one row. */
  elements: string[];
  /** Operators by which an EXCLUDE compares, in order. */
  operators: string[];
  nullsDistinct: boolean;
  /** Why its condition is not known. */
  unread: string | undefined;
  /** The judgement of a row depends on the column. */
  touchesColumn: boolean;
  /** It depends on nothing else of the row. */
  columnAlone: boolean;
}

/** The table's columns, and all that judges its rows. */
export interface TableRules {
  columns: Column[];
  rules: ColumnRule[];
}

const COLUMNS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
         CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
         a.attnotnull AS "notNull",
         CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4 THEN a.atttypmod - 4 END
           AS "maxLength"
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

// Every CHECK: the server tries them all on every UPDATE. One that is NOT ENFORCED (PostgreSQL 18) judges nobody.
const CHECKS = `
  SELECT 'check' AS kind, c.conname AS name, 'CHECK ' || c.conname AS label,
         pg_get_expr(c.conbin, c.conrelid) AS condition
  FROM pg_constraint c WHERE c.conrelid = to_regclass($1) AND c.contype = 'c' AND c.conname <> ALL ($2)
    AND coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true' ORDER BY 2`;

const POLICIES = `
  SELECT 'policy' AS kind, p.polname AS name, 'policy ' || p.polname AS label,
         concat_ws(' AND ', '(' || pg_get_expr(p.polqual, p.polrelid) || ')',
                            '(' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS condition
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
  WHERE p.polrelid = to_regclass($1) AND c.relrowsecurity AND coalesce(p.polqual, p.polwithcheck) IS NOT NULL ORDER BY 2`;

// AFTER triggers: a BEFORE trigger comes before the normaliser, and sees what was written. tgtype: 1 = row, 2 = before.
const TRIGGERS = `
  SELECT t.tgname AS name, pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t
  WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgqual IS NOT NULL
    AND t.tgname !~ '${OWN_TRIGGER_NAME}' AND t.tgtype & 3 = 1 AND t.tgtype & 20 <> 0 ORDER BY 1`;

const COMPARING = `
  SELECT CASE WHEN i.indisexclusion THEN 'exclude' ELSE 'unique' END AS kind, x.relname AS name,
         CASE WHEN i.indisexclusion THEN 'EXCLUDE ' ELSE 'unique index ' END || x.relname AS label,
         coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') AS condition,
         ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) n) AS elements,
         ARRAY(SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname)
               FROM pg_constraint c, unnest(c.conexclop) WITH ORDINALITY AS e (oid, n)
               JOIN pg_operator o ON o.oid = e.oid JOIN pg_namespace s ON s.oid = o.oprnamespace
               WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid ORDER BY e.n) AS operators,
         coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') <> 'true' AS "nullsDistinct"
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indrelid = to_regclass($1) AND (i.indisunique OR i.indisexclusion) AND i.indislive
    -- With the key in it no two rows can collide.
    AND (i.indisexclusion OR NOT EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = i.indrelid AND k.attname = $2
         AND k.attnum = ANY (i.indkey::int2[])))
  ORDER BY 2`;

// Every other index that works something out of a row: where that fails, the write does. One row's is a ROW of them.
const WORKING_OUT = `
  SELECT 'check' AS kind, x.relname AS name, 'index ' || x.relname AS label, 'true' AS condition,
         format('CASE WHEN %s THEN ROW(%s) END', coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),
                (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ')
                 FROM generate_series(1, i.indnkeyatts) n)) AS "worksOut"
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indrelid = to_regclass($1) AND i.indislive AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    AND x.relname <> ALL ($2) ORDER BY 2`;

/** Columns that an expression asks for; undefined: of the whole row. */
export async function columnsOf(expressions: readonly string[]): Promise<string[] | undefined> {
  const [statement] = await parseSql(`SELECT ${expressions.map((each) => `(${each})`).join(", ")}`);
  const stars = findNodes(statement?.body, "A_Star");
  return stars.length > 0 ? undefined : [...new Set(columnsIn(statement?.body))];
}

/** A generated column asks its own of the row: the value has to come out, and to fit. */
function generatedRule({ name, generated, notNull, maxLength }: Column): Partial<ColumnRule> {
  const asks = [
    ...(notNull ? [`(${generated}) IS NOT NULL`] : []),
    ...(maxLength === null ? [] : [`length((${generated})) <= ${maxLength}`]),
  ];
  const condition = asks.join(" AND ") || "true";
  return { kind: "check", name, label: `generated column ${name}`, condition, worksOut: generated as string };
}

/** A trigger that fires for some rows only. One that asks for OLD as well compares, and is left out. */
function triggerRule({ name, definition }: { name: string; definition: string }): Partial<ColumnRule>[] {
  const [, when = ""] = / WHEN \((.*)\) EXECUTE (?:FUNCTION|PROCEDURE) /s.exec(definition) ?? [];
  if (when === "" || /\bold\./i.test(when)) return [];
  return [{ kind: "trigger", name, label: `trigger ${name}`, condition: when.replaceAll(/\bnew\./g, "") }];
}

/** Reads what judges a row of the table. Catalogues only. */
export async function readTableRules(client: Client, change: Change): Promise<TableRules> {
  const table = tableName(change);
  const read = async <T>(sql: string, ...values: unknown[]) =>
    (await client.query(sql, [table, ...values])).rows as T[];
  const columns = await read<Column>(COLUMNS);
  const generated = columns.filter((column) => column.generated !== null);
  const comparing = await read<ColumnRule>(COMPARING, change.key);
  const found: Partial<ColumnRule>[] = [
    ...(await read<ColumnRule>(CHECKS, [change.constraint, helperName(change)])),
    ...generated.map(generatedRule),
    ...(await read<ColumnRule>(POLICIES)),
    ...(await read<{ name: string; definition: string }>(TRIGGERS)).flatMap(triggerRule),
    ...comparing,
    ...(await read<ColumnRule>(
      WORKING_OUT,
      comparing.map(({ name }) => name),
    )),
    ...(await readViewChecks(client, change)),
    ...(await readPublicationFilters(client, change)),
  ];
  const touching = [change.column];
  for (const { name, generated: text } of generated) {
    const asked = await columnsOf([text as string]);
    if (!asked || asked.includes(change.column)) touching.push(name);
  }
  const rules: ColumnRule[] = [];
  for (const rule of found) {
    const { condition = "true", elements = [], worksOut } = rule;
    const asked = await columnsOf([condition, worksOut ?? "true", ...elements]);
    const touchesColumn =
      rule.unread !== undefined || !asked || asked.some((name) => touching.includes(name));
    const columnAlone = asked?.every((name) => name === change.column) ?? false;
    const none = { operators: [], nullsDistinct: true, unread: undefined };
    rules.push({ ...none, ...rule, condition, elements, touchesColumn, columnAlone } as ColumnRule);
  }
  return { columns, rules };
}

/** What the rows of a trial are made of. */
export interface TrialRows {
  /** Expression of the column's value. */
  value: string;
  /** Condition on the rows as they are. */
  where?: string;
  /** Further expressions on the rows as they are, by name. */
  more?: Record<string, string>;
}

/**
 * A subselect of the table's rows with another value in the column, and in those that are generated from it: named as
 * the table, so that an expression of the catalogue fits it.
 */
export async function trialRows(
  { columns }: TableRules,
  change: Change,
  expressions: readonly string[],
  { value, where = "true", more = {} }: TrialRows,
): Promise<string> {
  const alias = quoteName(change.table);
  const asked = await columnsOf(expressions);
  const wanted = columns.filter(({ name }) => !asked || name === change.key || asked.includes(name));
  const outer = wanted.filter(({ generated }) => generated !== null);
  const below = await columnsOf(["1", ...outer.map(({ generated }) => generated as string)]);
  const plain = columns.filter(
    (column) =>
      column.generated === null && (!below || wanted.includes(column) || below.includes(column.name)),
  );
  const extra = Object.entries(more).map(([name, text]) => `${text} AS ${quoteName(name)}`);
  const inner = plain.map(({ name, type }) =>
    name === change.column ? `(${value})::${type} AS ${quoteName(name)}` : quoteName(name),
  );
  const rows = `(SELECT ${[...inner, ...extra].join(", ")} FROM ONLY ${tableName(change)} WHERE ${where}) AS ${alias}`;
  if (outer.length === 0) return rows;
  const made = outer.map(({ name, generated }) => `(${generated}) AS ${quoteName(name)}`);
  return `(SELECT ${alias}.*, ${made.join(", ")} FROM ${rows}) AS ${alias}`;
}
