import type { SyntaxNode } from "@lezer/common";
import { quoteName } from "../postgres/migration/change-sql.ts";
import type { SqlTransaction } from "../postgres/sql/planned-sql.ts";
import {
  childrenOf,
  moduleNames,
  type PythonFile,
  type PythonValue,
  parsePython,
  readValue,
  sliceOf,
} from "./python-values.ts";

/** What a migration file does, as far as its text tells. */
export interface MigrationScript {
  /** Alembic runs a file in one transaction, but for `autocommit_block`s. */
  transactions: SqlTransaction[];
  /** Operations on other things than rows and constraints of a table: `create_index on notes`. */
  others: { operation: string; table: string | undefined }[];
  /** Calls whose SQL only running the file could tell. */
  unclear: string[];
  hasUpgrade: boolean;
  hasDowngrade: boolean;
}

interface Arguments {
  plain: (PythonValue | undefined)[];
  nodes: SyntaxNode[];
  named: Map<string, PythonValue | undefined>;
}

interface Reading {
  file: PythonFile;
  names: Map<string, SyntaxNode>;
  script: MigrationScript;
  /** Statements of the transaction at hand. */
  statements: string[];
  /** Table of each `with op.batch_alter_table(...) as name`. */
  batches: Map<string, string>;
}

const OTHERS =
  /^(add_column|drop_column|create_table|drop_table|create_index|drop_index|rename_table|bulk_insert|create_foreign_key|create_unique_constraint|create_primary_key|create_exclude_constraint|create_table_comment)$/;

function readArguments({ file, names }: Reading, call: SyntaxNode): Arguments {
  const parts = childrenOf(call.getChild("ArgList") ?? call).filter(
    ({ name }) => !["(", ")", ",", "Comment"].includes(name),
  );
  const read: Arguments = { plain: [], nodes: [], named: new Map() };
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
function sqlOf(reading: Reading, { plain, nodes }: Arguments, at: number): string | undefined {
  const value = plain[at];
  if (typeof value === "string") return value;
  const node = nodes[at];
  if (node?.name !== "CallExpression") return undefined;
  const callee = node.firstChild ? sliceOf(reading.file, node.firstChild) : "";
  if (!/(^|\.)text$/.test(callee)) return undefined;
  const [inner] = readArguments(reading, node).plain;
  return typeof inner === "string" ? inner : undefined;
}

const text = (value: PythonValue | undefined) => (typeof value === "string" ? value : undefined);
const alter = (table: string, clause: string) => `ALTER TABLE ${quoteName(table)} ${clause}`;

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
  typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : "now()";

type Translate = (reading: Reading, given: Arguments, batchTable: string | undefined) => string[] | undefined;

/** Calls that become SQL; `undefined` for one whose arguments only running the file could tell. */
const TRANSLATIONS: Record<string, Translate> = {
  execute(reading, given) {
    const sql = sqlOf(reading, given, 0);
    return sql === undefined ? undefined : [sql];
  },
  alter_column(_, given, batchTable) {
    const [table, column] = batchTable ? [batchTable, given.plain[0]] : given.plain;
    const [tableText, columnText] = [text(table), text(column)];
    if (!tableText || !columnText) return undefined;
    return columnClauses(columnText, given).map((clause) => alter(tableText, clause));
  },
  create_check_constraint(reading, given, batchTable) {
    const name = text(given.plain[0]);
    const table = batchTable ?? text(given.plain[1]);
    const condition = sqlOf(reading, given, batchTable ? 1 : 2);
    if (!name || !table || condition === undefined) return undefined;
    const late = given.named.get("postgresql_not_valid") === true ? " NOT VALID" : "";
    return [alter(table, `ADD CONSTRAINT ${quoteName(name)} CHECK (${condition})${late}`)];
  },
  drop_constraint(_, given, batchTable) {
    const name = text(given.plain[0]);
    const table = batchTable ?? text(given.plain[1]) ?? text(given.named.get("table_name"));
    return name && table ? [alter(table, `DROP CONSTRAINT ${quoteName(name)}`)] : undefined;
  },
};

function readCall(reading: Reading, call: SyntaxNode): void {
  const { file, script, batches } = reading;
  const callee = call.firstChild;
  const method = callee?.name === "MemberExpression" ? callee.lastChild : undefined;
  if (!callee || method?.name !== "PropertyName") return;
  const operation = sliceOf(file, method);
  const owner = callee.firstChild ? sliceOf(file, callee.firstChild) : "";
  const batchTable = batches.get(owner);
  const given = readArguments(reading, call);
  if (OTHERS.test(operation)) {
    const position = /index|constraint|key$/.test(operation) ? 1 : 0;
    script.others.push({ operation, table: batchTable ?? text(given.plain[position]) });
  }
  if (!Object.hasOwn(TRANSLATIONS, operation)) return;
  const sql = TRANSLATIONS[operation]?.(reading, given, batchTable);
  if (sql) reading.statements.push(...sql);
  else script.unclear.push(sliceOf(file, call));
}

function endTransaction(reading: Reading, name: string): void {
  if (reading.statements.length > 0)
    reading.script.transactions.push({ name, statements: reading.statements });
  reading.statements = [];
}

function readWith(reading: Reading, node: SyntaxNode, name: string, depth: number): void {
  const { file } = reading;
  const parts = childrenOf(node);
  const [call] = parts.filter((part) => part.name === "CallExpression");
  const head = call ? sliceOf(file, call) : "";
  const as = parts.findIndex((part) => part.name === "as");
  const alias = as >= 0 ? parts[as + 1] : undefined;
  if (call && alias && /batch_alter_table\s*\(/.test(head)) {
    const [table] = readArguments(reading, call).plain;
    if (typeof table === "string") reading.batches.set(sliceOf(file, alias), table);
  }
  if (!/autocommit_block\s*\(/.test(head)) {
    readBody(reading, node, name, depth);
    return;
  }
  endTransaction(reading, name);
  readBody(reading, node, name, depth);
  // Each statement of the block is a transaction of its own.
  for (const statement of reading.statements)
    reading.script.transactions.push({ name, statements: [statement] });
  reading.statements = [];
}

/** Nesting that anybody writes by hand. */
const DEEPEST = 200;

function readBody(reading: Reading, node: SyntaxNode, name: string, depth = 0): void {
  if (depth > DEEPEST) return;
  for (const child of childrenOf(node)) {
    if (child.name === "WithStatement") readWith(reading, child, name, depth + 1);
    else {
      if (child.name === "CallExpression") readCall(reading, child);
      readBody(reading, child, name, depth + 1);
    }
  }
}

/** Reads what `upgrade()` of an Alembic file does, in order. The file is not run. */
export function readOperations(source: string, name: string): MigrationScript {
  const file = parsePython(source);
  if (!file) return { transactions: [], others: [], unclear: [name], hasUpgrade: false, hasDowngrade: false };
  const functions = childrenOf(file.root).filter((node) => node.name === "FunctionDefinition");
  const find = (wanted: string) =>
    functions.find((node) => {
      const named = node.getChild("VariableName");
      return named && sliceOf(file, named) === wanted;
    });
  const [upgrade, downgrade] = [find("upgrade"), find("downgrade")];
  const script: MigrationScript = {
    ...{ transactions: [], others: [], unclear: [] },
    hasUpgrade: upgrade !== undefined,
    hasDowngrade: downgrade !== undefined && !/:\s*(#.*\s*)*pass\s*$/.test(sliceOf(file, downgrade)),
  };
  const reading: Reading = { file, names: moduleNames(file), script, statements: [], batches: new Map() };
  if (upgrade) readBody(reading, upgrade, name);
  endTransaction(reading, name);
  return script;
}
