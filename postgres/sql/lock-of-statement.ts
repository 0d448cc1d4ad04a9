import { columnsIn, findNodes, type ParsedStatement, type SqlNode } from "./sql-parser.ts";

/** What a statement does to one table, as far as locks go. */
export interface TableLockTaken {
  table: string;
  mode: "ACCESS EXCLUSIVE" | "SHARE ROW EXCLUSIVE" | "SHARE UPDATE EXCLUSIVE" | "SHARE" | "ROW EXCLUSIVE";
}

/** LOCK TABLE's modes by the server's numbers. */
const LOCK_MODES: Record<number, TableLockTaken["mode"]> = {
  3: "ROW EXCLUSIVE",
  4: "SHARE UPDATE EXCLUSIVE",
  5: "SHARE",
  6: "SHARE ROW EXCLUSIVE",
  7: "ACCESS EXCLUSIVE",
  8: "ACCESS EXCLUSIVE",
};

/** Subcommands of ALTER TABLE that do with less than ACCESS EXCLUSIVE. @see the manual's page of ALTER TABLE */
const WEAKER: Record<string, TableLockTaken["mode"]> = {
  AT_ValidateConstraint: "SHARE UPDATE EXCLUSIVE",
  AT_SetStatistics: "SHARE UPDATE EXCLUSIVE",
  AT_ClusterOn: "SHARE UPDATE EXCLUSIVE",
  AT_EnableTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableAlwaysTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableReplicaTrig: "SHARE ROW EXCLUSIVE",
  AT_DisableTrig: "SHARE ROW EXCLUSIVE",
  AT_EnableTrigAll: "SHARE ROW EXCLUSIVE",
  AT_DisableTrigAll: "SHARE ROW EXCLUSIVE",
};

const ORDER: TableLockTaken["mode"][] = [
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "ACCESS EXCLUSIVE",
];

const nameOf = (relation: unknown) => (relation as { relname?: string } | undefined)?.relname ?? "";

/** The subcommands of an ALTER TABLE: `[{subtype: "AT_SetNotNull", …}]`. */
export function alterCommands({ kind, body }: ParsedStatement): SqlNode[] {
  return kind === "AlterTableStmt" ? findNodes(body.cmds, "AlterTableCmd").reverse() : [];
}

function alterMode(statement: ParsedStatement): TableLockTaken["mode"] {
  const modes = alterCommands(statement).map((command) => {
    const constraint = findNodes(command, "Constraint")[0];
    if (command.subtype === "AT_AddConstraint" && constraint?.contype === "CONSTR_FOREIGN")
      return "SHARE ROW EXCLUSIVE";
    return WEAKER[String(command.subtype)] ?? "ACCESS EXCLUSIVE";
  });
  return modes.sort((a, b) => ORDER.indexOf(b) - ORDER.indexOf(a))[0] ?? "ACCESS EXCLUSIVE";
}

function droppedTables(body: SqlNode): string[] {
  const names = findNodes(body.objects, "List").map(({ items }) =>
    (items as { String?: { sval?: string } }[]).map(({ String: part }) => part?.sval ?? ""),
  );
  // A trigger is named `[schema, table, trigger]`, a table `[schema, table]`.
  if (body.removeType === "OBJECT_TRIGGER") return names.map((parts) => parts.at(-2) ?? "");
  return body.removeType === "OBJECT_TABLE" ? names.map((parts) => parts.at(-1) ?? "") : [];
}

/** The table locks that a statement takes, strongest reading. Reads are left out. */
export function locksOf(statement: ParsedStatement): TableLockTaken[] {
  const { kind, body } = statement;
  const on = (mode: TableLockTaken["mode"], ...tables: string[]) => tables.map((table) => ({ table, mode }));
  switch (kind) {
    case "AlterTableStmt":
      return on(alterMode(statement), nameOf(body.relation));
    case "RenameStmt":
      return on("ACCESS EXCLUSIVE", nameOf(body.relation));
    case "CreateTrigStmt":
      return on("SHARE ROW EXCLUSIVE", nameOf(body.relation));
    case "IndexStmt":
      return on(body.concurrent ? "SHARE UPDATE EXCLUSIVE" : "SHARE", nameOf(body.relation));
    case "DropStmt":
      return on("ACCESS EXCLUSIVE", ...droppedTables(body));
    case "TruncateStmt":
      return on("ACCESS EXCLUSIVE", ...findNodes(body.relations, "RangeVar").map(nameOf));
    case "LockStmt":
      return on(
        LOCK_MODES[Number(body.mode)] ?? "ACCESS EXCLUSIVE",
        ...findNodes(body.relations, "RangeVar").map(nameOf),
      );
    default:
      return on("ROW EXCLUSIVE", ...writesOf(statement).map(({ relation }) => nameOf(relation)));
  }
}

/** The UPDATEs and DELETEs of a statement, those within WITH included. */
export function writesOf({ kind, body }: ParsedStatement): SqlNode[] {
  const root = { [kind]: body };
  return [...findNodes(root, "UpdateStmt"), ...findNodes(root, "DeleteStmt")];
}

/** Whether a write is bound to rows by a condition on that column, directly or by a join. */
export function isBoundBy({ whereClause }: SqlNode, column: string): boolean {
  return columnsIn(whereClause).includes(column);
}
