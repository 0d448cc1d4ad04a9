import { type Datum, NEW, OLD, parseExpression, parseTriggerBody } from "./plpgsql-parser.ts";
import { parseSql, type SqlNode } from "./sql-parser.ts";
import {
  type ExpressionContext,
  holdsFor,
  isNull,
  keepsColumn,
  namedArguments,
  type Operation,
} from "./trigger-expression.ts";

/** One place in a trigger's body that gives the row's column a value, or may do so. */
export interface Assignment {
  /** Line of the body, as the server's own messages count. */
  line: number;
  what: string;
  /** False when it can't be told whether the column is among what is assigned. */
  certain: boolean;
}

interface Walk extends ExpressionContext {
  data: Datum[];
  found: Map<string, Assignment>;
}

type Statement = SqlNode & { lineno?: number };

function note({ found }: Walk, { lineno = 1 }: Statement, what: string, certain: boolean): void {
  found.set(`${lineno} ${what}`, { line: lineno, what, certain });
}

/** A variable, a field or a whole record is written. */
function noteTarget(walk: Walk, statement: Statement, number: number): void {
  const datum = walk.data[number];
  if (number === NEW) note(walk, statement, "all of NEW", false);
  else if (datum?.kind === "field" && datum.parent === NEW && datum.name === walk.column)
    note(walk, statement, `NEW.${walk.column}`, true);
}

/** What `INTO`, a loop or a FETCH writes: a record, a variable, or a list of them. */
function noteTargets(walk: Walk, statement: Statement, target: unknown): void {
  const { PLpgSQL_rec, PLpgSQL_row } = (target ?? {}) as Record<string, SqlNode | undefined>;
  if (PLpgSQL_rec) noteTarget(walk, statement, Number(PLpgSQL_rec.dno ?? NEW));
  for (const { varno = NEW } of (PLpgSQL_row?.fields ?? []) as { varno?: number }[])
    noteTarget(walk, statement, varno);
}

const queryOf = (node: unknown) =>
  (node as { PLpgSQL_expr?: { query?: string } } | undefined)?.PLpgSQL_expr?.query ?? "";

async function walkAssign(walk: Walk, statement: Statement): Promise<void> {
  const number = Number(statement.varno ?? NEW);
  if (number === NEW) {
    const [, value = ""] =
      /^\s*(?:"(?:[^"]|"")*"|[^\s:="]+)\s*:?=([\s\S]*)$/.exec(queryOf(statement.expr)) ?? [];
    if (keepsColumn(await parseExpression(value), walk)) return;
  }
  noteTarget(walk, statement, number);
}

async function walkReturn(walk: Walk, statement: Statement): Promise<false> {
  if (statement.expr) {
    const value = await parseExpression(queryOf(statement.expr));
    if (!isNull(value) && !keepsColumn(value, walk)) note(walk, statement, "RETURN of another row", false);
  } else if (statement.retvarno !== undefined && statement.retvarno !== NEW) {
    // On an INSERT there is no OLD: nothing is written then.
    if (statement.retvarno === OLD && walk.operation === "INSERT") return false;
    const what = statement.retvarno === OLD ? "RETURN OLD" : "RETURN of another row";
    note(walk, statement, what, false);
  }
  return false;
}

/** An OUT parameter of the procedure writes to its argument. */
async function walkCall(walk: Walk, statement: Statement): Promise<void> {
  const [call] = await parseSql(queryOf(statement.expr));
  if (call?.kind !== "CallStmt") return;
  const plain = new Set(walk.data.filter(({ kind }) => kind === "variable").map(({ name }) => name));
  for (const fields of namedArguments(call.body)) {
    const whole = fields.length === 1 && !plain.has(fields[0] as string);
    if (whole || fields.at(-1) === walk.column) note(walk, statement, `CALL with ${fields.join(".")}`, false);
  }
}

type Branch = [condition: string, body: SqlNode[]];

/** Walks what may run of the branches. @returns whether the end of one may be reached. */
async function walkBranches(walk: Walk, branches: Branch[], otherwise: SqlNode[]): Promise<boolean> {
  let passes = false;
  for (const [condition, body] of branches) {
    const holds = holdsFor(await parseExpression(condition), walk);
    if (holds === false) continue;
    passes = (await walkAll(walk, body)) || passes;
    if (holds === true) return passes;
  }
  return (await walkAll(walk, otherwise)) || passes;
}

const list = (nodes: unknown) => (nodes ?? []) as SqlNode[];
const inner = (nodes: unknown) => list(nodes).map((node) => Object.values(node)[0] as SqlNode);

function walkIf(walk: Walk, statement: Statement): Promise<boolean> {
  const more = inner(statement.elsif_list).map(({ cond, stmts }): Branch => [queryOf(cond), list(stmts)]);
  return walkBranches(
    walk,
    [[queryOf(statement.cond), list(statement.then_body)], ...more],
    list(statement.else_body),
  );
}

function walkCase(walk: Walk, statement: Statement): Promise<boolean> {
  // Of anything but TG_OP the tested value is unknown: its name then stands for nothing.
  const tested = statement.t_expr ? queryOf(statement.t_expr).trim().toLowerCase() : "tg_op";
  const condition = (expr: unknown) => (tested === "tg_op" ? queryOf(expr) : "unknown");
  const branches = inner(statement.case_when_list).map(
    ({ expr, stmts }): Branch => [condition(expr), list(stmts)],
  );
  return walkBranches(walk, branches, list(statement.else_stmts));
}

async function walkBlock(walk: Walk, statement: Statement): Promise<boolean> {
  let passes = await walkAll(walk, list(statement.body));
  const caught = (statement.exceptions as { PLpgSQL_exception_block?: SqlNode } | undefined)
    ?.PLpgSQL_exception_block;
  for (const { action } of inner(caught?.exc_list)) passes = (await walkAll(walk, list(action))) || passes;
  return passes;
}

async function walkLoop(walk: Walk, statement: Statement): Promise<void> {
  noteTargets(walk, statement, statement.var);
  await walkAll(walk, list(statement.body));
}

/** elog's ERROR, from which on nothing of the statement stays. */
const ERROR = 21;

type Walker = (walk: Walk, statement: Statement) => unknown;
const nothing: Walker = () => undefined;
const intoTarget: Walker = (walk, statement) => noteTargets(walk, statement, statement.target);

/** Every statement of the language. A walker that gives false: what comes after it does not run. */
const WALKERS: Record<string, Walker> = {
  block: walkBlock,
  assign: walkAssign,
  if: walkIf,
  case: walkCase,
  loop: walkLoop,
  while: walkLoop,
  fori: walkLoop,
  fors: walkLoop,
  forc: walkLoop,
  dynfors: walkLoop,
  foreach_a: (walk, statement) => {
    noteTarget(walk, statement, Number(statement.varno ?? NEW));
    return walkLoop(walk, statement);
  },
  return: walkReturn,
  raise: (_, { elog_level }) => elog_level !== ERROR,
  execsql: intoTarget,
  dynexecute: intoTarget,
  fetch: intoTarget,
  getdiag: (walk, statement) => {
    for (const { target = NEW } of inner(statement.diag_items)) noteTarget(walk, statement, Number(target));
  },
  call: walkCall,
  exit: nothing,
  perform: nothing,
  open: nothing,
  close: nothing,
  assert: nothing,
  commit: nothing,
  rollback: nothing,
};

async function walkAll(walk: Walk, statements: SqlNode[]): Promise<boolean> {
  for (const node of statements) {
    const [tag = "", statement = {}] = Object.entries(node)[0] ?? [];
    const walker = WALKERS[tag.replace("PLpgSQL_stmt_", "")];
    if (!walker) throw new Error(`a statement of an unknown kind, ${tag}`);
    if ((await walker(walk, statement as Statement)) === false) return false;
  }
  return true;
}

/**
 * Where a trigger function's PL/pgSQL gives `NEW.<column>` a value, or may do so, when it fires on one of the operations.
 * Comparisons, texts and comments are none. What runs for other operations only (`IF TG_OP = 'DELETE'`) is left out.
 * @throws {Error} for what the parser does not understand: the caller then knows nothing.
 */
export async function findAssignments(
  body: string,
  { column, operations }: { column: string; operations: readonly Operation[] },
): Promise<Assignment[]> {
  const { data, action } = await parseTriggerBody(body);
  const found = new Map<string, Assignment>();
  for (const operation of operations) await walkAll({ data, found, column, operation }, [action]);
  return [...found.values()].sort((a, b) => a.line - b.line);
}
