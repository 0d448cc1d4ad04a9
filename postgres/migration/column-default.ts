import type { Client } from "pg";
import { findNodes, parseSql, type SqlNode } from "../sql/sql-parser.ts";
import { inTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { mapValue, quoteText, showValue, subjectOf, tableName } from "./change-sql.ts";
import type { Risk } from "./risks.ts";

/** What `migration.accept` lists for a default. */
export const DEFAULT_NAME = "default";

/** A default that a write without the column gets: of the table's column, or of a view that writes to it. */
interface ColumnDefault {
  subject: string;
  expression: string;
  /** `ALTER TABLE …` up to the new value. */
  alter: string;
}

/** What a default gives; `certain` false where another session may get another value. */
type Given = { value: string | null; certain: boolean } | { unknown: string };

const OWN = `
  SELECT pg_get_expr(d.adbin, d.adrelid) AS expression,
         format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT', d.adrelid::regclass, a.attname) AS alter
  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  WHERE d.adrelid = to_regclass($1) AND a.attname = $2 AND a.attgenerated = ''`;

/** A view's own default goes before that of the table. */
const OF_VIEWS = `
  SELECT 'view ' || v.oid::regclass || '.' || a.attname AS subject, pg_get_expr(d.adbin, d.adrelid) AS expression,
         format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT', v.oid::regclass, a.attname) AS alter
  FROM pg_attrdef d JOIN pg_class v ON v.oid = d.adrelid AND v.relkind = 'v'
  JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum = d.adnum AND a.attname = $2
  WHERE EXISTS (SELECT FROM pg_rewrite r JOIN pg_depend p ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid
    JOIN pg_attribute b ON b.attrelid = p.refobjid AND b.attnum = p.refobjsubid AND b.attname = $2
    WHERE r.ev_class = v.oid AND p.refobjid = to_regclass($1)) ORDER BY 1`;

const READ_ONLY = { mode: "READ ONLY", settings: { statement_timeout: "5s" } };

async function readDefaults(client: Client, change: Change): Promise<ColumnDefault[]> {
  const values = [tableName(change), change.column];
  const own = await client.query<ColumnDefault>(OWN, values);
  const views = await client.query<ColumnDefault>(OF_VIEWS, values);
  return [...own.rows.map((row) => ({ ...row, subject: subjectOf(change) })), ...views.rows];
}

/** The expression as the planner simplifies it: what is immutable it works out. */
async function simplify(client: Client, expression: string): Promise<string> {
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: { Output?: string[] } }] }>(
    `EXPLAIN (VERBOSE, FORMAT JSON) SELECT (${expression})::text`,
  );
  return rows[0]?.["QUERY PLAN"][0].Plan.Output?.[0] ?? expression;
}

const CONSTANT = ["A_Const", "TypeCast"];

function isConstant(node: SqlNode | undefined): boolean {
  const [[kind = "", body = {}] = []] = Object.entries(node ?? {}) as [string, SqlNode][];
  return CONSTANT.includes(kind) && (kind === "A_Const" || isConstant(body.arg as SqlNode));
}

/** Names of the functions of an expression that may do anything. */
async function volatileFunctions(client: Client, root: unknown): Promise<string[]> {
  const names = findNodes(root, "FuncCall").map(
    ({ funcname }) => (funcname as { String?: { sval?: string } }[]).at(-1)?.String?.sval ?? "",
  );
  const { rows } = await client.query<{ name: string }>(
    "SELECT DISTINCT proname AS name FROM pg_proc WHERE proname = ANY ($1) AND provolatile = 'v' ORDER BY 1",
    [names],
  );
  return rows.map(({ name }) => name);
}

async function workOut(client: Client, expression: string): Promise<Given> {
  const simple = await simplify(client, expression);
  const [statement] = await parseSql(`SELECT ${simple}`);
  const [target] = (statement?.body.targetList ?? []) as { ResTarget?: { val?: SqlNode } }[];
  const certain = isConstant(target?.ResTarget?.val);
  const unsure = certain ? [] : await volatileFunctions(client, statement?.body);
  if (unsure.length > 0) return { unknown: `${unsure.join(", ")} may give anything` };
  const { rows } = await client.query<{ value: string | null }>(`SELECT (${simple})::text AS value`);
  return { value: rows[0]?.value ?? null, certain };
}

/** What an INSERT without the column gets. Read-only: a function that is volatile is not called. */
async function readGiven(client: Client, { expression }: ColumnDefault): Promise<Given> {
  try {
    return await inTransaction(client, READ_ONLY, () => workOut(client, expression));
  } catch (error) {
    const state = sqlState(error);
    return { unknown: state ? `SQLSTATE ${state}` : "it could not be read" };
  }
}

/** What preview says of defaults. */
export interface DefaultFindings {
  /** An INSERT without the column fails from the constraint on. */
  risks: Risk[];
  notes: string[];
  /** Old spellings: they go on working until the normaliser is taken off. */
  oldStyle: string[];
}

function judgeDefault(change: Change, found: ColumnDefault, given: Given, findings: DefaultFindings): void {
  const { subject, expression, alter } = found;
  if ("unknown" in given) {
    const asked = "see that it is one of change.allowed";
    findings.notes.push(
      `not known: what default ${expression} of ${subject} gives (${given.unknown}); ${asked}`,
    );
    return;
  }
  const { value, certain } = given;
  const where = certain ? "" : " (in this session)";
  const target = mapValue(change, value);
  if (value !== null && change.allowed.includes(value)) return;
  if (target !== null && change.allowed.includes(target)) {
    findings.oldStyle.push(
      `expected the default of ${subject} to be one of ${change.allowed.join(", ")}, got the old spelling ${showValue(value)}${where}, ` +
        `which is refused once the normaliser is off. ${alter} ${quoteText(target)}.`,
    );
    findings.notes.push(
      `default ${showValue(value)}${where} of ${subject} is an old spelling: the normaliser makes ${target} of it, but contract (phase 4) refuses to begin while it is. ${alter} ${quoteText(target)}`,
    );
    return;
  }
  findings.risks.push({
    name: DEFAULT_NAME,
    finding: `expected the default of ${subject} to be one of ${change.allowed.join(", ")} or a spelling that change.normalise maps, got ${showValue(value)}${where}: an INSERT without the column fails from the constraint on`,
    remedy: `${alter} one of them, or add a rule`,
  });
}

/** Without a default an INSERT that omits the column writes NULL. */
async function judgeNone(client: Client, change: Change, findings: DefaultFindings): Promise<void> {
  const { rows } = await client.query<{ notNull: boolean }>(
    `SELECT attnotnull AS "notNull" FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0`,
    [tableName(change), change.column],
  );
  if (rows[0]?.notNull !== false) return;
  const { whenNull } = change.normalise;
  const subject = subjectOf(change);
  if (whenNull !== undefined) {
    findings.notes.push(
      `${subject} has no default: an INSERT without it gets ${whenNull} from the normaliser, and is refused once contract (phase 4) has taken that off`,
    );
    return;
  }
  findings.risks.push({
    name: DEFAULT_NAME,
    finding: `expected ${subject} to have a default, or a rule for NULL, got neither: an INSERT without the column fails from the constraint on`,
    remedy: "Set change.normalise.whenNull, or a default",
  });
}

/** Judges what a write without the column gets: a default is a write as well. */
export async function judgeDefaults(client: Client, change: Change): Promise<DefaultFindings> {
  const findings: DefaultFindings = { risks: [], notes: [], oldStyle: [] };
  const defaults = await readDefaults(client, change);
  for (const found of defaults) judgeDefault(change, found, await readGiven(client, found), findings);
  if (!defaults.some(({ subject }) => subject === subjectOf(change)))
    await judgeNone(client, change, findings);
  return findings;
}
