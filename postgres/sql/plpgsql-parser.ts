import pg from "pg";
import { parseSql, type SqlNode } from "./sql-parser.ts";

/** One variable of a function, field of a record or list of targets, as its number in the parser's list stands for it. */
export interface Datum {
  kind: "variable" | "record" | "field" | "row";
  name: string;
  /** Of a field: number of its record. */
  parent: number;
}

/** The body of a trigger function as PL/pgSQL's own parser reads it. */
export interface TriggerBody {
  data: Datum[];
  /** The outermost block. */
  action: SqlNode;
}

/** Numbers of NEW and OLD in every trigger function. */
export const NEW = 0;
export const OLD = 1;

const KINDS: Record<string, Datum["kind"]> = {
  PLpgSQL_var: "variable",
  PLpgSQL_rec: "record",
  PLpgSQL_recfield: "field",
  PLpgSQL_row: "row",
};

/**
 * `deals%ROWTYPE` as `record`: the parser knows no tables, and would take such a variable for a single value.
 * Found by the lexer, so that nothing within a text or a comment is touched.
 */
async function withoutRowTypes(body: string): Promise<string> {
  if (!/%\s*rowtype/i.test(body)) return body;
  const { scan } = await import("libpg-query");
  const { tokens } = await scan(body);
  const source = Buffer.from(body, "utf8");
  const parts: string[] = [];
  let from = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text.toLowerCase() !== "rowtype" || tokens[index - 1]?.text !== "%") continue;
    let first = index - 2;
    while (tokens[first - 1]?.text === ".") first -= 2;
    const start = tokens[first]?.start ?? token.start;
    // The lines stay where they are: findings name them.
    const lines = source.toString("utf8", start, token.end).replaceAll(/[^\n]/g, "");
    parts.push(source.toString("utf8", from, start), "record", lines);
    from = token.end;
  }
  return parts.join("") + source.toString("utf8", from);
}

function readDatum(datum: SqlNode): Datum {
  const [tag = "", value = {}] = Object.entries(datum)[0] ?? [];
  const { refname, fieldname, recparentno = NEW } = value as Record<string, string | number>;
  return {
    kind: KINDS[tag] ?? "variable",
    name: String(refname ?? fieldname ?? ""),
    parent: Number(recparentno),
  };
}

/**
 * Parses the body of a trigger function.
 * @throws {Error} the parser's message for what it does not understand.
 */
export async function parseTriggerBody(body: string): Promise<TriggerBody> {
  const { parsePlPgSQL } = await import("libpg-query");
  const source = pg.escapeLiteral(await withoutRowTypes(body));
  const parsed = (await parsePlPgSQL(
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ${source}`,
  )) as unknown as { plpgsql_funcs: { PLpgSQL_function: { datums: SqlNode[]; action: SqlNode } }[] };
  const tree = parsed.plpgsql_funcs[0]?.PLpgSQL_function;
  if (!tree) throw new Error("no function in it");
  return { data: tree.datums.map(readDatum), action: tree.action };
}

/** The tree of one expression; undefined for what is none. */
export async function parseExpression(text: string): Promise<SqlNode | undefined> {
  try {
    const [statement] = await parseSql(`SELECT ${text}`);
    const [target] = (statement?.body.targetList ?? []) as { ResTarget?: { val?: SqlNode } }[];
    return target?.ResTarget?.val;
  } catch {
    return undefined;
  }
}
