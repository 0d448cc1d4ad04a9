import type { Change } from "../postgres/migration/change.ts";
import { alterCommands, locksOf } from "../postgres/sql/lock-of-statement.ts";
import { findNodes, type ParsedStatement, type SqlNode } from "../postgres/sql/sql-parser.ts";
import { clip } from "./finding.ts";

/** What a statement of the revision's file does beside the change, which the stamp would skip. */
export interface Extent {
  /** In words: `a change of notes`, `CREATE EXTENSION x`. */
  beyond: string[];
  /** Its text says nothing of what it does: a function or a block of code runs. */
  unread: boolean;
}

/** Statements that leave nothing behind. */
const PASSING =
  /^(SelectStmt|VariableSetStmt|VariableShowStmt|TransactionStmt|LockStmt|VacuumStmt|ExplainStmt|ConstraintsSetStmt|CheckPointStmt|DiscardStmt)$/;

/** Functions of the server that a migration asks, and that change nothing. */
const ASKING =
  /^(set_config|current_\w+|pg_(try_)?advisory_\w+|pg_sleep|pg_get_\w+|to_reg\w+|has_\w+_privilege|count|sum|min|max|avg|bool_and|bool_or|coalesce|lower|upper|btrim|ltrim|rtrim|replace|length|now|version|format|concat|concat_ws|array_agg|string_agg|unnest|generate_series|row_number)$/;

const changeOf = (table: string) => `a change of ${clip(table, 130)}`;

const relationOf = (node: unknown) => node as { schemaname?: string; relname?: string } | undefined;

function callsUnknown(body: SqlNode): boolean {
  return findNodes(body, "FuncCall").some(({ funcname }) => {
    const name = (funcname as { String?: { sval?: string } }[]).at(-1)?.String?.sval ?? "";
    return !ASKING.test(name);
  });
}

/** Subcommands that belong to a change of a column's values and its rule. */
function isOwnCommand({ subtype, name, def }: SqlNode, column: string): boolean {
  if (/^AT_(SetNotNull|DropNotNull|ColumnDefault|SetStatistics)$/.test(String(subtype)))
    return name === column;
  const constraint = (def as { Constraint?: SqlNode } | undefined)?.Constraint;
  if (subtype === "AT_AddConstraint")
    return constraint?.contype === "CONSTR_CHECK" || constraint?.contype === "CONSTR_NOTNULL";
  return /^AT_(ValidateConstraint|DropConstraint|EnableTrig\w*|DisableTrig\w*)$/.test(String(subtype));
}

/** Other columns of the table that an UPDATE of it gives a value, and other rows that it takes away. */
function beyondColumn({ kind, body, text }: ParsedStatement, { table, column }: Change): string[] {
  if (kind === "AlterTableStmt")
    return alterCommands({ kind, body, text }).every((command) => isOwnCommand(command, column))
      ? []
      : [clip(text, 80)];
  if (kind !== "UpdateStmt") return [clip(text, 80)];
  const targets = (body.targetList as { ResTarget?: { name?: string } }[]).map(
    (each) => each.ResTarget?.name,
  );
  return targets.filter((name) => name !== column).map((name) => changeOf(`${table}.${name}`));
}

/** What the statement does that is no part of the change. Pure. */
export function extentOf(statement: ParsedStatement, change: Change): Extent {
  const { kind, body, text } = statement;
  if (kind === "DoStmt" || kind === "CallStmt" || (kind === "SelectStmt" && callsUnknown(body)))
    return { beyond: [], unread: true };
  const others = locksOf(statement)
    .map(({ table }) => table)
    .filter((table) => table !== "" && table !== change.table);
  if (PASSING.test(kind)) {
    const written = kind === "SelectStmt" ? others : [];
    return { beyond: written.map((table) => changeOf(table)), unread: false };
  }
  const relation = relationOf(body.relation);
  const schema = relation?.schemaname ?? change.schema;
  if (relation?.relname === change.table && schema === change.schema && others.length === 0)
    return { beyond: beyondColumn(statement, change), unread: false };
  const tables = schema === change.schema ? others : [`${schema}.${relation?.relname}`];
  return { beyond: tables.length > 0 ? tables.map(changeOf) : [clip(text, 80)], unread: false };
}
