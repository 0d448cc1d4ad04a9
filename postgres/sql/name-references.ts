import { findNodes, parseSql, type SqlNode } from "./sql-parser.ts";

export type ReferenceKind = "function" | "relation" | "type" | "operator";

/** Something that a function's body calls by name. */
export interface NameReference {
  kind: ReferenceKind;
  /** Absent: the session's search_path decides which one it is. */
  schema?: string;
  name: string;
  /** It is looked up whenever the function runs; false = on some ways through it alone. */
  certain: boolean;
}

type Parts = { String?: { sval?: string } }[];
const partsOf = (list: unknown) => ((list ?? []) as Parts).map(({ String: part }) => part?.sval ?? "");

function named(kind: ReferenceKind, parts: string[], certain: boolean): NameReference[] {
  const name = parts.at(-1);
  const schema = parts.at(-2);
  return name ? [{ kind, name, certain, ...(schema ? { schema } : {}) }] : [];
}

function relationsIn(tree: unknown, certain: boolean): NameReference[] {
  const own = new Set(findNodes(tree, "CommonTableExpr").map(({ ctename }) => ctename));
  return findNodes(tree, "RangeVar").flatMap(({ schemaname, relname }) =>
    !schemaname && own.has(relname)
      ? []
      : named("relation", [...(schemaname ? [String(schemaname)] : []), String(relname)], certain),
  );
}

/** The tables, functions, types and operators that SQL names. @throws {Error} for what is no SQL. */
export async function referencesInSql(text: string, certain = true): Promise<NameReference[]> {
  const statements = await parseSql(text);
  return statements.flatMap(({ body }) => [
    ...relationsIn(body, certain),
    ...findNodes(body, "FuncCall").flatMap(({ funcname }) => named("function", partsOf(funcname), certain)),
    ...[...findNodes(body, "TypeName"), ...findNodes(body, "typeName")].flatMap(({ names }) =>
      named("type", partsOf(names), certain),
    ),
    ...findNodes(body, "A_Expr").flatMap(({ name }) => named("operator", partsOf(name), certain)),
  ]);
}

/** PL/pgSQL's expressions are no whole statements: as the parser marks them. */
function sqlOf({ query = "", parseMode = 0 }: { query?: string; parseMode?: number }): string {
  if (parseMode === 2) return `SELECT ${query}`;
  if (parseMode >= 3) return `SELECT ${query.replace(/^.*?(:=|=)/s, "")}`;
  return parseMode === 1 ? `SELECT NULL::${query}` : query;
}

/** Bodies that may not be run at all, below the statement that decides it. */
const BRANCHES = new Set([
  "then_body",
  "elsif_list",
  "else_body",
  "case_when_list",
  "else_stmts",
  "exceptions",
  "body",
]);
const DECIDING = /^PLpgSQL_stmt_(if|case|loop|while|fori|fors|forc|foreach_a|dynfors)$/;

interface Expression {
  sql: string;
  certain: boolean;
}

function expressionsIn(node: unknown, certain: boolean, deciding = false): Expression[] {
  if (node === null || typeof node !== "object") return [];
  if (Array.isArray(node)) return node.flatMap((each) => expressionsIn(each, certain, deciding));
  return Object.entries(node).flatMap(([key, value]): Expression[] => {
    if (key === "PLpgSQL_expr") return [{ sql: sqlOf(value as SqlNode), certain }];
    const branch = key === "exceptions" || (deciding && BRANCHES.has(key));
    return expressionsIn(value, certain && !branch, DECIDING.test(key));
  });
}

/** Types of the variables that a function declares. Parameters are in its signature, which names them with schema. */
function typesIn(tree: unknown): string[] {
  return findNodes(tree, "PLpgSQL_var").flatMap(({ datatype, lineno }) => {
    const { typname } = ((datatype as SqlNode | undefined)?.PLpgSQL_type ?? {}) as { typname?: string };
    return lineno !== undefined && typname && !/unknown|%/i.test(typname) ? [typname] : [];
  });
}

/**
 * The same of a PL/pgSQL function, statement by statement. What it puts together and EXECUTEs can't be known.
 * @param definition as pg_get_functiondef gives it.
 * @throws {Error} for what can't be parsed.
 */
export async function referencesInPlpgsql(definition: string): Promise<NameReference[]> {
  const { parsePlPgSQL } = await import("libpg-query");
  const tree = await parsePlPgSQL(definition);
  const expressions = [
    ...expressionsIn(tree, true),
    ...typesIn(tree).map((type) => ({ sql: `SELECT NULL::${type}`, certain: true })),
  ];
  const found = await Promise.all(expressions.map(({ sql, certain }) => referencesInSql(sql, certain)));
  return found.flat();
}
