import type { SyntaxNode } from "@lezer/common";
import { quoteName, quoteText } from "../postgres/migration/change-sql.ts";
import { calleeOf } from "./alembic-calls.ts";
import { constraintName, type NamingConvention } from "./constraint-name.ts";
import {
  itemsOf,
  type Names,
  type PythonFile,
  type PythonValue,
  readValue,
  sliceOf,
} from "./python-values.ts";

/** Arguments of one call, as far as they need no running. */
export interface Arguments {
  plain: (PythonValue | undefined)[];
  nodes: SyntaxNode[];
  named: Map<string, PythonValue | undefined>;
  /** There are more, of which only running the file could tell: `*args`, `**options`. */
  open: boolean;
}

/** A table as a call names it. */
export interface TableGiven {
  schema: string | undefined;
  name: string;
}

/** What a call is read with. */
export interface CallContext {
  file: PythonFile;
  names: Names;
  convention: NamingConvention;
  /** Why the name of a CHECK is not known, is added there. */
  script: { unnamed: string[] };
}

export function readArguments({ file, names }: CallContext, call: SyntaxNode): Arguments {
  const parts = itemsOf(call.getChild("ArgList") ?? call);
  const open = parts.some(({ name }) => name === "*" || name === "**");
  const read: Arguments = { plain: [], nodes: [], named: new Map(), open };
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] as SyntaxNode;
    const value = parts[at + 2];
    if (parts[at + 1]?.name === "AssignOp" && value) {
      read.named.set(sliceOf(file, part), readValue(file, value, names));
      at += 2;
    } else {
      read.nodes.push(part);
      read.plain.push(readValue(file, part, names));
    }
  }
  return read;
}

/** The text of `"…"` or of `sa.text("…")`. */
function sqlOf(reading: CallContext, { plain, nodes }: Arguments, at: number): string | undefined {
  const value = plain[at];
  if (typeof value === "string") return value;
  const node = nodes[at];
  if (node?.name !== "CallExpression") return undefined;
  const callee = node.firstChild ? sliceOf(reading.file, node.firstChild) : "";
  if (!/(^|\.)text$/.test(callee)) return undefined;
  const [inner] = readArguments(reading, node).plain;
  return typeof inner === "string" ? inner : undefined;
}

export const text = (value: PythonValue | undefined) => (typeof value === "string" ? value : undefined);

/** A table with the schema that the call gives it; undefined where one of the two is computed. */
export function tableOf({ named }: Arguments, name: PythonValue | undefined): TableGiven | undefined {
  const schema = named.get("schema") ?? undefined;
  if (
    typeof name !== "string" ||
    (typeof schema !== "string" && named.has("schema") && named.get("schema") !== null)
  )
    return undefined;
  return { schema: text(schema), name };
}

function alter({ schema, name }: TableGiven, clause: string): string {
  const table = schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
  return `ALTER TABLE ${table} ${clause}`;
}

function columnClauses(column: string, { named }: Arguments): string[] {
  const name = `ALTER COLUMN ${quoteName(column)}`;
  const nullable = named.get("nullable");
  const fallback = named.get("server_default");
  return [
    ...(nullable === false ? [`${name} SET NOT NULL`] : nullable === true ? [`${name} DROP NOT NULL`] : []),
    ...(named.has("server_default") && fallback !== false
      ? [fallback === null ? `${name} DROP DEFAULT` : `${name} SET DEFAULT ${quoteLiteral(fallback)}`]
      : []),
  ];
}

const quoteLiteral = (value: PythonValue | undefined) =>
  typeof value === "string" ? quoteText(value) : "now()";

/** A constraint's name: a text, `op.f("…")`, or None; undefined for what only running the file could tell. */
function givenName({ file, names }: CallContext, { plain, nodes }: Arguments) {
  const [value, node] = [plain[0], nodes[0]];
  if (value === null) return { name: undefined, exact: false };
  if (typeof value === "string") return { name: value, exact: false };
  const inner = node?.name === "CallExpression" ? node.getChild("ArgList") : undefined;
  if (!node || !inner || calleeOf(file, node).method !== "f") return undefined;
  const [argument] = itemsOf(inner);
  const marked = argument && readValue(file, argument, names);
  return typeof marked === "string" ? { name: marked, exact: true } : undefined;
}

type Translate = (
  reading: CallContext,
  given: Arguments,
  batchTable: TableGiven | undefined,
) => string[] | undefined;

/** What of ALTER COLUMN has no place in a change of values. */
const MORE = ["type_", "new_column_name", "comment", "autoincrement"];

/** Calls that become SQL; `undefined` for one whose arguments only running the file could tell. */
export const TRANSLATIONS: Record<string, Translate> = {
  execute(reading, given) {
    const sql = sqlOf(reading, given, 0);
    return sql === undefined ? undefined : [sql];
  },
  alter_column(_, given, batchTable) {
    const table = batchTable ?? tableOf(given, given.plain[0]);
    const column = text(given.plain[batchTable ? 0 : 1]);
    const nullable = given.named.get("nullable");
    const computed = given.named.has("nullable") && typeof nullable !== "boolean" && nullable !== null;
    if (!table || !column || computed || MORE.some((name) => given.named.has(name))) return undefined;
    return columnClauses(column, given).map((clause) => alter(table, clause));
  },
  create_check_constraint(reading, given, batchTable) {
    const table = batchTable ?? tableOf(given, given.plain[1]);
    const condition = sqlOf(reading, given, batchTable ? 1 : 2);
    const named = givenName(reading, given);
    if (!table || condition === undefined || !named) return undefined;
    const name = constraintName({ ...named, table: table.name }, reading.convention);
    const late = given.named.get("postgresql_not_valid") === true ? " NOT VALID" : "";
    if ("unknown" in name) reading.script.unnamed.push(name.unknown);
    const constraint = "unknown" in name ? "" : `CONSTRAINT ${quoteName(name.name)} `;
    return [alter(table, `ADD ${constraint}CHECK (${condition})${late}`)];
  },
  drop_constraint(reading, given, batchTable) {
    const name = givenName(reading, given)?.name;
    const table = batchTable ?? tableOf(given, given.plain[1] ?? given.named.get("table_name"));
    return name && table ? [alter(table, `DROP CONSTRAINT ${quoteName(name)}`)] : undefined;
  },
};
TRANSLATIONS.exec_driver_sql = TRANSLATIONS.execute as Translate;
