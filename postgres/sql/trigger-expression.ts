import type { SqlNode } from "./sql-parser.ts";

/** What a trigger fires on that can give the row a value. */
export type Operation = "INSERT" | "UPDATE";

/** What an expression is judged by. */
export interface ExpressionContext {
  operation: Operation;
  column: string;
}

/** How the parser calls the tested value of `CASE TG_OP WHEN …`. */
const CASE_VARIABLE = /^__Case__Variable_\d+__$/;

const fieldsOf = (node: SqlNode | undefined): string[] =>
  ((node?.ColumnRef as SqlNode | undefined)?.fields as { String?: { sval?: string } }[] | undefined)?.map(
    ({ String: text }) => text?.sval ?? "*",
  ) ?? [];

function textOf(node: SqlNode | undefined): string | undefined {
  const inner = (node?.TypeCast as SqlNode | undefined)?.arg as SqlNode | undefined;
  const constant = ((inner ?? node)?.A_Const as SqlNode | undefined)?.sval as { sval?: string } | undefined;
  return constant && (constant.sval ?? "");
}

/** The value of TG_OP, where the node stands for it. */
function operationOf(node: SqlNode | undefined, { operation }: ExpressionContext): string | undefined {
  const [name, ...more] = fieldsOf(node);
  return more.length === 0 && (name === "tg_op" || CASE_VARIABLE.test(name ?? "")) ? operation : undefined;
}

function isComparison(expression: SqlNode, context: ExpressionContext): boolean | undefined {
  const operator = (expression.name as { String?: { sval?: string } }[])[0]?.String?.sval;
  const left = expression.lexpr as SqlNode | undefined;
  const right = expression.rexpr as SqlNode | undefined;
  const value = operationOf(left, context) ?? operationOf(right, context);
  if (value === undefined || (operator !== "=" && operator !== "<>")) return undefined;
  const items = ((right?.List as SqlNode | undefined)?.items as SqlNode[] | undefined)?.map(textOf);
  const texts = items ?? [textOf(operationOf(left, context) === undefined ? left : right)];
  if (texts.includes(undefined)) return undefined;
  return texts.includes(value) === (operator === "=");
}

/** Whether a condition holds for the operation; undefined when that depends on the row. */
export function holdsFor(node: SqlNode | undefined, context: ExpressionContext): boolean | undefined {
  if (node?.A_Expr) return isComparison(node.A_Expr as SqlNode, context);
  const bool = node?.BoolExpr as { boolop?: string; args?: SqlNode[] } | undefined;
  const values = (bool?.args ?? []).map((each) => holdsFor(each, context));
  if (bool?.boolop === "NOT_EXPR") return values[0] === undefined ? undefined : !values[0];
  const decisive = bool?.boolop === "OR_EXPR";
  if (!bool || values.includes(decisive)) return bool ? decisive : undefined;
  return values.includes(undefined) ? undefined : !decisive;
}

const FROM_PAIRS = ["hstore", "jsonb_build_object", "json_build_object"];
const POPULATES = ["jsonb_populate_record", "json_populate_record", "populate_record"];

const callOf = (node: SqlNode | undefined) => {
  const call = node?.FuncCall as
    | { funcname?: { String?: { sval?: string } }[]; args?: SqlNode[] }
    | undefined;
  return { name: call?.funcname?.at(-1)?.String?.sval ?? "", args: call?.args ?? [] };
};

/** Whether a set of values by name (hstore or JSON, written out) surely leaves the column out. */
function leavesOut(node: SqlNode | undefined, { column }: ExpressionContext): boolean {
  const literal = textOf(node);
  // A backslash may spell any letter another way.
  if (literal !== undefined) return !literal.includes(column) && !literal.includes("\\");
  const { name, args } = callOf(node);
  const keys = args.filter((_, index) => index % 2 === 0).map(textOf);
  return FROM_PAIRS.includes(name) && keys.every((key) => key !== undefined && key !== column);
}

/** Whether a row expression is NEW with the column as it is. False for all that is not understood. */
export function keepsColumn(node: SqlNode | undefined, context: ExpressionContext): boolean {
  const fields = fieldsOf(node);
  if (fields.length > 0) return fields.length === 1 && fields[0] === "new";
  const coalesce = node?.CoalesceExpr as { args?: SqlNode[] } | undefined;
  if (coalesce) return keepsColumn(coalesce.args?.[0], context);
  const choice = node?.CaseExpr as { arg?: SqlNode; args?: SqlNode[]; defresult?: SqlNode } | undefined;
  if (choice && !choice.arg) return everyBranchKeeps(choice, context);
  const operator = node?.A_Expr as SqlNode | undefined;
  if ((operator?.name as { String?: { sval?: string } }[] | undefined)?.[0]?.String?.sval === "#=")
    return keepsColumn(operator?.lexpr as SqlNode, context) && leavesOut(operator?.rexpr as SqlNode, context);
  const { name, args } = callOf(node);
  return POPULATES.includes(name) && keepsColumn(args[0], context) && leavesOut(args[1], context);
}

function everyBranchKeeps(
  { args = [], defresult }: { args?: SqlNode[]; defresult?: SqlNode },
  context: ExpressionContext,
): boolean {
  for (const { CaseWhen } of args as { CaseWhen?: { expr?: SqlNode; result?: SqlNode } }[]) {
    const holds = holdsFor(CaseWhen?.expr, context);
    if (holds === false) continue;
    if (!isNull(CaseWhen?.result) && !keepsColumn(CaseWhen?.result, context)) return false;
    if (holds === true) return true;
  }
  return defresult === undefined || isNull(defresult) || keepsColumn(defresult, context);
}

/** `NULL`: the row is not written at all. */
export function isNull(node: SqlNode | undefined): boolean {
  return (node?.A_Const as { isnull?: boolean } | undefined)?.isnull === true;
}

/** The arguments of a `CALL` that are nothing but a name: what an OUT parameter may write to. */
export function namedArguments(call: SqlNode): string[][] {
  const args = callOf({ FuncCall: call.funccall }).args;
  return args.map((arg) => fieldsOf((arg.NamedArgExpr as { arg?: SqlNode } | undefined)?.arg ?? arg));
}
