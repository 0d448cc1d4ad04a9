import type { SyntaxNode } from "@lezer/common";
import type { SqlTransaction } from "../postgres/sql/planned-sql.ts";
import {
  type Callee,
  calleeOf,
  functionsOf,
  importedNames,
  isHarmless,
  setsAttribute,
} from "./alembic-calls.ts";
import {
  type CallContext,
  readArguments,
  type TableGiven,
  TRANSLATIONS,
  tableOf,
} from "./alembic-translations.ts";
import type { NamingConvention } from "./constraint-name.ts";
import {
  assignedNames,
  childrenOf,
  itemsOf,
  lineAt,
  moduleNames,
  type Names,
  parsePython,
  sliceOf,
} from "./python-values.ts";

/** What a migration file does, as far as its text tells. */
export interface MigrationScript {
  /** Alembic runs a file in one transaction, but for `autocommit_block`s. */
  transactions: SqlTransaction[];
  /** Operations on other things than rows and constraints of a table: `create_index on notes`. */
  others: { operation: string; table: string | undefined }[];
  /** What could not be read, with its line: `4: op.execute(make())`. */
  unclear: string[];
  /** Why the name of a CHECK that it adds is not known. */
  unnamed: string[];
  hasUpgrade: boolean;
  hasDowngrade: boolean;
}

interface Reading extends CallContext {
  imports: Map<string, string>;
  functions: Map<string, SyntaxNode>;
  /** Functions that are being read, the innermost last. */
  within: string[];
  script: MigrationScript;
  /** Statements of the transaction at hand. */
  statements: string[];
  /** Table of each `with op.batch_alter_table(...) as name`. */
  batches: Map<string, TableGiven>;
}

const OTHERS =
  /^(add_column|drop_column|create_table|drop_table|create_index|drop_index|rename_table|bulk_insert|create_foreign_key|create_unique_constraint|create_primary_key|create_exclude_constraint|create_table_comment)$/;

function unread({ file, script }: Reading, node: SyntaxNode): void {
  script.unclear.push(`${lineAt(file, node.from)}: ${sliceOf(file, node)}`);
}

/** An operation of Alembic's, or SQL by a connection. @returns false for a call that is none. */
function readOperation(reading: Reading, call: SyntaxNode, { method = "", owner }: Callee): boolean {
  const batchTable = reading.batches.get(owner);
  const other = OTHERS.test(method);
  if (!other && !Object.hasOwn(TRANSLATIONS, method)) return false;
  const given = readArguments(reading, call);
  if (other) {
    const position = /index|constraint|key$/.test(method) ? 1 : 0;
    reading.script.others.push({
      operation: method,
      table: (batchTable ?? tableOf(given, given.plain[position]))?.name,
    });
    return true;
  }
  const sql = given.open ? undefined : TRANSLATIONS[method]?.(reading, given, batchTable);
  if (sql) reading.statements.push(...sql);
  else unread(reading, call);
  return true;
}

/** The template for several databases calls `upgrade_<name>` by a name that it puts together. */
const BY_ENGINE = /^globals\(\)\[.*upgrade_/s;

/** Reads one call, and says so where it can't be read. @returns whether its arguments are still to be read. */
function readCall(reading: Reading, call: SyntaxNode, transaction: string, depth: number): boolean {
  const { file, functions, imports } = reading;
  const callee = calleeOf(file, call);
  if (callee.method !== undefined && readOperation(reading, call, callee)) return false;
  if (BY_ENGINE.test(callee.text)) {
    for (const name of functions.keys())
      if (name.startsWith("upgrade_")) readFunction(reading, name, { call: undefined, transaction, depth });
    return true;
  }
  if (callee.root === callee.text && functions.has(callee.text)) {
    readFunction(reading, callee.text, { call, transaction, depth });
    return true;
  }
  const alone = call.parent?.name === "ExpressionStatement";
  if (!isHarmless(callee, { imports, alone })) unread(reading, call);
  return true;
}

/** What the function's own names stand for: arguments of the call, and what it assigns once, outside of any branch. */
function namesWithin(reading: Reading, definition: SyntaxNode, call: SyntaxNode | undefined): Names {
  const { file } = reading;
  const names: Names = new Map(reading.names);
  const parameters = itemsOf(definition.getChild("ParamList") ?? definition).filter(
    ({ name }) => name === "VariableName",
  );
  const given = call && readArguments(reading, call);
  for (const [at, parameter] of parameters.entries()) {
    const value =
      given && given.named.size === 0 && given.plain[at] !== undefined ? given.nodes[at] : undefined;
    // The caller's own names mean nothing here.
    names.set(
      sliceOf(file, parameter),
      value?.name === "VariableName" ? reading.names.get(sliceOf(file, value)) : value,
    );
  }
  const body = definition.getChild("Body");
  const cursor = definition.cursor();
  do {
    if (cursor.from >= definition.to) break;
    if (cursor.name === "ForStatement" || cursor.name === "UpdateStatement") {
      const name = cursor.node.getChild("VariableName");
      if (name) names.set(sliceOf(file, name), undefined);
    }
    if (cursor.name !== "AssignStatement") continue;
    const outer = cursor.node.parent?.from === body?.from;
    for (const [name, value] of assignedNames(file, cursor.node)) {
      const again = names.has(name) && names.get(name) !== reading.names.get(name);
      names.set(name, outer && !again ? value : undefined);
    }
  } while (cursor.next());
  return names;
}

/** Helpers that call each other, as deep as anybody writes by hand. */
const DEEPEST_CALL = 10;

function readFunction(
  reading: Reading,
  name: string,
  { call, transaction, depth }: { call: SyntaxNode | undefined; transaction: string; depth: number },
): void {
  const definition = reading.functions.get(name);
  const body = definition?.getChild("Body");
  if (!definition || !body) return;
  if (reading.within.includes(name) || reading.within.length >= DEEPEST_CALL) {
    unread(reading, call ?? body);
    return;
  }
  const outer = { names: reading.names, within: reading.within };
  reading.names = namesWithin(reading, definition, call);
  reading.within = [...outer.within, name];
  readBody(reading, body, transaction, depth + 1);
  Object.assign(reading, outer);
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
    const given = readArguments(reading, call);
    const table = tableOf(given, given.plain[0]);
    if (table) reading.batches.set(sliceOf(file, alias), table);
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
  if (depth > DEEPEST) {
    unread(reading, node);
    return;
  }
  for (const child of childrenOf(node)) {
    // A function within the function runs where it is called, which is not known.
    if (child.name === "FunctionDefinition" || child.name === "ClassDefinition" || child.type.isError) {
      if (child.to > child.from) unread(reading, child);
    } else if (setsAttribute(reading.file, child)) unread(reading, child);
    else if (child.name === "WithStatement") readWith(reading, child, name, depth + 1);
    else if (child.name !== "CallExpression" || readCall(reading, child, name, depth))
      readBody(reading, child, name, depth + 1);
  }
}

/** Reads what `upgrade()` of an Alembic file does, in order. The file is not run. */
export function readOperations(
  source: string,
  name: string,
  { convention }: { convention?: NamingConvention } = {},
): MigrationScript {
  const script: MigrationScript = {
    ...{ transactions: [], others: [], unclear: [], unnamed: [] },
    ...{ hasUpgrade: false, hasDowngrade: false },
  };
  const file = parsePython(source);
  if (!file) return { ...script, unclear: ["1: the file, which took too long to parse"] };
  const functions = functionsOf(file);
  const [upgrade, downgrade] = [functions.get("upgrade"), functions.get("downgrade")];
  script.hasUpgrade = upgrade !== undefined;
  script.hasDowngrade = downgrade !== undefined && !/:\s*(#.*\s*)*pass\s*$/.test(sliceOf(file, downgrade));
  const reading: Reading = {
    ...{ file, functions, imports: importedNames(file), names: moduleNames(file), convention, script },
    ...{ within: [], statements: [], batches: new Map() },
  };
  if (upgrade) readFunction(reading, "upgrade", { call: undefined, transaction: name, depth: 0 });
  else script.unclear.push("1: upgrade(), which is no function of the file");
  endTransaction(reading, name);
  return script;
}
