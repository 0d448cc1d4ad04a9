import type { SyntaxNode } from "@lezer/common";
import { childrenOf, type PythonFile, sliceOf } from "./python-values.ts";

/** Built-ins of Python that change nothing by themselves. */
const BUILT_IN =
  /^(print|len|str|int|float|bool|list|dict|set|tuple|sorted|reversed|enumerate|zip|range|isinstance|repr|min|max|sum|any|all|filter|globals|locals)$/;

/** Modules whose calls build something or look at it, and write to no database by themselves. */
const BUILDING =
  /^(sqlalchemy|alembic|datetime|uuid|logging|os\.(path|environ|getenv)|json|re|typing|textwrap|warnings|time|decimal|pathlib|geoalchemy2|sqlmodel)(\.|$)/;

/** What writes by objects of the application's models, or by a connection of its own: nobody reads here what it does. */
const WRITER = /(^|\.)(\w*Session|sessionmaker|scoped_session|create_engine|automap_base)$/;

/** Methods that write, whether somebody uses what they give back or not. */
const WRITING = /^(update|delete|merge|add_all|bulk_\w+|callproc|executemany)$/;

/** Methods that change no row and no schema, of whatever object. */
const HARMLESS =
  /^(info|debug|warning|error|exception|commit|rollback|flush|close|begin|begin_nested|connect|get_bind|get_context|autocommit_block|batch_alter_table|f|inline_literal|format|join|strip|append|extend|items|keys|values|getLogger|fetchall|fetchone|first|mappings|warn)$/;

/** Names that the file imports, and what each stands for: `sqlalchemy.orm.Session`. */
export function importedNames(file: PythonFile): Map<string, string> {
  const names = new Map<string, string>();
  const cursor = file.root.cursor();
  do {
    if (cursor.name !== "ImportStatement") continue;
    const text = sliceOf(file, cursor.node).replaceAll(/[()\\]|#.*$/gm, " ");
    const [, from, list = ""] = /^(?:from\s+(\S+)\s+)?import\s+([\s\S]*)$/.exec(text) ?? [];
    for (const item of list.split(",")) {
      const [name = "", , alias] = item.trim().split(/\s+/);
      const whole = from ? `${from}.${name}` : alias ? name : (name.split(".")[0] as string);
      names.set(alias ?? (from ? name : whole), whole);
    }
  } while (cursor.next());
  return names;
}

/** What is called: `helper` of `helper(1)`, or the object and its method. */
export interface Callee {
  /** Leftmost name: `op` of `op.get_bind().execute`. */
  root: string | undefined;
  /** What stands before the last dot. */
  owner: string;
  method: string | undefined;
  text: string;
}

export function calleeOf(file: PythonFile, call: SyntaxNode): Callee {
  const callee = call.firstChild as SyntaxNode;
  const last = callee.name === "MemberExpression" ? callee.lastChild : undefined;
  let left: SyntaxNode | null = callee;
  while (left && ["MemberExpression", "CallExpression"].includes(left.name)) left = left.firstChild;
  return {
    root: left?.name === "VariableName" ? sliceOf(file, left) : undefined,
    owner: callee.firstChild ? sliceOf(file, callee.firstChild) : "",
    method: last?.name === "PropertyName" ? sliceOf(file, last) : undefined,
    text: sliceOf(file, callee),
  };
}

/** Whether a call surely writes nothing to the database, going by its name. `alone`: nobody uses its value. */
export function isHarmless(
  { root, method, text }: Callee,
  { imports, alone }: { imports: Map<string, string>; alone: boolean },
): boolean {
  const from = root === undefined ? undefined : imports.get(root);
  const whole = from === undefined ? text : from + text.slice(root?.length);
  if (WRITER.test(whole)) return false;
  if (method === undefined)
    return root === text && (from === undefined ? BUILT_IN.test(text) : BUILDING.test(from));
  if (HARMLESS.test(method)) return true;
  // An operation of Alembic's that nobody here knows.
  if (root === "op" || from === "alembic" || from?.startsWith("alembic.")) return false;
  if (from !== undefined) return BUILDING.test(whole);
  // A value that is asked for something: `inspector.get_columns("deals")`, `deals.c.x.in_([…])`.
  return !alone && !WRITING.test(method);
}

/** Attributes that are settings of a connection or a logger: no row changes with them. */
const SETTING = /^(autocommit|isolation_level|echo|level|disabled|propagate)$/;

/** `deal.deal_type = "x"`: a model's object may stand there, whose session writes it. */
export function setsAttribute(file: PythonFile, statement: SyntaxNode): boolean {
  if (statement.name !== "AssignStatement" && statement.name !== "UpdateStatement") return false;
  const parts = childrenOf(statement);
  const end = parts.findLastIndex(({ name }) => name === "AssignOp" || name === "UpdateOp");
  return parts.slice(0, end).some((part) => {
    const last = part.name === "MemberExpression" ? part.lastChild : undefined;
    return last?.name === "PropertyName" && !SETTING.test(sliceOf(file, last));
  });
}

/** The functions of the file by their names, decorated ones included. */
export function functionsOf(file: PythonFile): Map<string, SyntaxNode> {
  const functions = new Map<string, SyntaxNode>();
  for (const node of childrenOf(file.root)) {
    const definition = node.name === "DecoratedStatement" ? node.getChild("FunctionDefinition") : node;
    const name = definition?.name === "FunctionDefinition" ? definition.getChild("VariableName") : undefined;
    if (definition && name) functions.set(sliceOf(file, name), definition);
  }
  return functions;
}
