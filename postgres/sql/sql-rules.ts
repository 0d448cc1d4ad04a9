import type { Change } from "../migration/change.ts";
import { subjectOf } from "../migration/change-sql.ts";
import { alterCommands, isBoundBy, locksOf, writesOf } from "./lock-of-statement.ts";
import type { SqlTransaction } from "./planned-sql.ts";
import { columnsIn, findNodes, type ParsedStatement, parseSql, type SqlNode } from "./sql-parser.ts";

/** A way in which SQL makes users wait or leaves the work half-done. */
export interface SqlFinding {
  rule: string;
  /** Name of the transaction. */
  where: string;
  finding: string;
  /** The better way, by name. */
  remedy: string;
}

/** What the statements before have proven or set. */
interface Memory {
  /** A session's own lock_timeout; transaction-local ones end with it. */
  sessionTimeout: boolean;
  localTimeout: boolean;
  /** Columns whose validated `CHECK (column IS NOT NULL)` lets SET NOT NULL pass without a scan, by constraint. */
  notNullChecks: Map<string, string>;
  proven: Set<string>;
  /** Tables made in this transaction: nobody else uses them. */
  fresh: Set<string>;
  /** Tables under ACCESS EXCLUSIVE, and tables with rows updated, in this transaction. */
  locked: Set<string>;
  updated: Set<string>;
}

type Report = (rule: string, finding: string, remedy: string) => void;

const show = ({ text }: ParsedStatement) => {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
};

function noteTimeout({ kind, body }: ParsedStatement, memory: Memory): void {
  if (kind !== "VariableSetStmt" || body.name !== "lock_timeout") return;
  const value = findNodes(body.args, "A_Const")[0];
  const text = String(
    (value?.sval as { sval?: string })?.sval ?? (value?.ival as { ival?: number })?.ival ?? 0,
  );
  const set = body.kind === "VAR_SET_VALUE" && !/^0\D*$/.test(text);
  if (body.is_local) memory.localTimeout = set;
  else memory.sessionTimeout = set;
}

function judgeLocks(statement: ParsedStatement, memory: Memory, report: Report): void {
  for (const { table, mode } of locksOf(statement)) {
    if (mode === "ROW EXCLUSIVE" || mode === "SHARE UPDATE EXCLUSIVE" || memory.fresh.has(table)) continue;
    if (!memory.localTimeout && !memory.sessionTimeout) {
      report(
        "lock-timeout",
        `${show(statement)} takes ${mode} on ${table} without lock_timeout: everybody queues behind it while it waits`,
        "SET LOCAL lock_timeout before it, and try again when it gives way.",
      );
    }
    if (mode !== "ACCESS EXCLUSIVE") continue;
    if (memory.updated.has(table)) {
      report(
        "update-with-ddl",
        `${show(statement)} takes ACCESS EXCLUSIVE on ${table} in the transaction that updates its rows`,
        "Backfill in batches, each a transaction of its own, before the constraint.",
      );
    }
    memory.locked.add(table);
  }
}

function judgeWrites(statement: ParsedStatement, change: Change, memory: Memory, report: Report): void {
  for (const write of writesOf(statement)) {
    const table = String((write.relation as { relname?: string } | undefined)?.relname ?? "");
    if (memory.fresh.has(table)) continue;
    memory.updated.add(table);
    if (table !== change.table) continue;
    if (memory.locked.has(table)) {
      report(
        "update-with-ddl",
        `${show(statement)} updates rows of ${table} while the transaction holds ACCESS EXCLUSIVE on it`,
        "Backfill in batches, each a transaction of its own, before the constraint.",
      );
    }
    if (!isBoundBy(write, change.key)) {
      report(
        "update-without-key-range",
        `${show(statement)} goes over the whole of ${table} in one statement: its row locks last until the end`,
        `Backfill in batches along ${change.key}, as the migration step does.`,
      );
    }
  }
}

function judgeAddedConstraint(
  constraint: SqlNode,
  statement: ParsedStatement,
  memory: Memory,
  report: Report,
): void {
  const kind = { CONSTR_CHECK: "CHECK", CONSTR_FOREIGN: "FOREIGN KEY" }[String(constraint.contype)];
  if (!kind) return;
  const test = findNodes(constraint.raw_expr, "NullTest")[0];
  if (test?.nulltesttype === "IS_NOT_NULL" && "NullTest" in ((constraint.raw_expr ?? {}) as object)) {
    memory.notNullChecks.set(String(constraint.conname), columnsIn(test)[0] ?? "");
  }
  if (!constraint.skip_validation) {
    report(
      "check-not-valid",
      `${show(statement)} scans the whole table under its lock`,
      `ADD CONSTRAINT … ${kind} … NOT VALID, then VALIDATE CONSTRAINT in a transaction of its own.`,
    );
  }
}

/** One subcommand of an ALTER TABLE, and what is known around it. */
interface CommandContext {
  statement: ParsedStatement;
  /** Column or constraint that it names. */
  name: string;
  table: string;
  change: Change;
  memory: Memory;
  report: Report;
}

const COMMAND_RULES: Record<string, (command: SqlNode, context: CommandContext) => void> = {
  AT_AddConstraint(command, { statement, memory, report }) {
    for (const added of findNodes(command, "Constraint"))
      judgeAddedConstraint(added, statement, memory, report);
  },
  AT_ValidateConstraint(_, { statement, name, table, memory, report }) {
    const column = memory.notNullChecks.get(name);
    if (column !== undefined) memory.proven.add(column);
    const strong = locksOf(statement).some(({ mode }) => mode === "ACCESS EXCLUSIVE");
    if (!strong && !memory.locked.has(table)) return;
    report(
      "validate-apart",
      `${show(statement)} scans ${table} in a transaction that holds ACCESS EXCLUSIVE on it`,
      "VALIDATE CONSTRAINT in a transaction of its own: it takes SHARE UPDATE EXCLUSIVE then.",
    );
  },
  AT_SetNotNull(_, { statement, name, table, memory, report }) {
    if (memory.proven.has(name)) return;
    report(
      "set-not-null-scan",
      `${show(statement)} scans the whole of ${table} under ACCESS EXCLUSIVE`,
      "SET NOT NULL via a helper: CHECK (… IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL, then drop the helper.",
    );
  },
  AT_ColumnDefault({ def }, { statement, name, table, change, report }) {
    if (!def || table !== change.table || name !== change.column) return;
    report(
      "column-default",
      `${show(statement)} gives ${subjectOf(change)} a default: a write that omits it passes unseen, and no undo can bring its NULL back`,
      "Leave the default out; the normaliser maps what comes in.",
    );
  },
};

function judgeAlter(statement: ParsedStatement, change: Change, memory: Memory, report: Report): void {
  const table = String((statement.body.relation as { relname?: string } | undefined)?.relname ?? "");
  if (memory.fresh.has(table)) return;
  const commands = alterCommands(statement);
  for (const command of commands) {
    const context = { statement, name: String(command.name ?? ""), table, change, memory, report };
    COMMAND_RULES[String(command.subtype)]?.(command, context);
  }
  const has = (subtype: string) => commands.some((command) => command.subtype === subtype);
  if (has("AT_SetNotNull") && has("AT_DropConstraint")) {
    report(
      "set-not-null-with-drop",
      `${show(statement)} drops a constraint in the same ALTER as SET NOT NULL, which then scans all the same`,
      "Drop the helper check in a statement of its own.",
    );
  }
}

/** A CHECK of the column's values alone lets NULL pass. */
function judgeNull(all: readonly ParsedStatement[], change: Change, where: string): SqlFinding[] {
  const commands = all.flatMap(alterCommands);
  const limits = commands.some((command) => {
    const [constraint] = command.subtype === "AT_AddConstraint" ? findNodes(command, "Constraint") : [];
    if (constraint?.contype !== "CONSTR_CHECK" || findNodes(constraint, "NullTest").length > 0) return false;
    return columnsIn(constraint.raw_expr).includes(change.column);
  });
  const notNull = commands.some(({ subtype, name }) => subtype === "AT_SetNotNull" && name === change.column);
  if (!limits || notNull) return [];
  return [
    {
      rule: "check-lets-null-pass",
      where,
      finding: `the CHECK on ${subjectOf(change)} lets NULL pass, and nothing sets it NOT NULL`,
      remedy: "SET NOT NULL via a helper CHECK as well.",
    },
  ];
}

/**
 * Judges transactions in order by what they make users wait for. SQL is read by PostgreSQL's own grammar.
 * @throws the parser's error, for SQL that is none.
 */
export async function judgeSql(
  transactions: readonly SqlTransaction[],
  change: Change,
): Promise<SqlFinding[]> {
  const findings: SqlFinding[] = [];
  const all: ParsedStatement[] = [];
  const memory: Memory = {
    ...{ sessionTimeout: false, localTimeout: false },
    ...{ notNullChecks: new Map(), proven: new Set() },
    ...{ fresh: new Set(), locked: new Set(), updated: new Set() },
  };
  for (const { name: where, statements } of transactions) {
    Object.assign(memory, { localTimeout: false, fresh: new Set(), locked: new Set(), updated: new Set() });
    const report: Report = (rule, finding, remedy) => findings.push({ rule, where, finding, remedy });
    for (const statement of (await Promise.all(statements.map(parseSql))).flat()) {
      all.push(statement);
      noteTimeout(statement, memory);
      if (statement.kind === "CreateStmt")
        memory.fresh.add(String((statement.body.relation as { relname?: string }).relname));
      judgeAlter(statement, change, memory, report);
      judgeLocks(statement, memory, report);
      judgeWrites(statement, change, memory, report);
    }
  }
  return [...findings, ...judgeNull(all, change, transactions.map(({ name }) => name)[0] ?? "")];
}
