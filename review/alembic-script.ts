import { basename } from "node:path";
import type { Change } from "../postgres/migration/change.ts";
import { mapValue, showValue } from "../postgres/migration/change-sql.ts";
import { alterCommands } from "../postgres/sql/lock-of-statement.ts";
import {
  columnsIn,
  findNodes,
  type ParsedStatement,
  parseSql,
  type SqlNode,
  stringsIn,
} from "../postgres/sql/sql-parser.ts";
import { judgeSql } from "../postgres/sql/sql-rules.ts";
import type { Revision } from "./alembic-folder.ts";
import { type MigrationScript, readOperations } from "./alembic-operations.ts";
import type { NamingConvention } from "./constraint-name.ts";
import { clip, type Finding } from "./finding.ts";
import { extentOf } from "./statement-extent.ts";

interface Judged {
  change: Change;
  file: string;
  script: MigrationScript;
  statements: ParsedStatement[];
}

const finding = (severity: Finding["severity"], subject: string, text: string, remedy: string): Finding => ({
  ...{ severity, topic: "sql", subject, finding: text, remedy },
});

/** Old values that an UPDATE of the column names in its condition; undefined for a condition that says more. */
function oldValues(where: SqlNode | undefined, column: string): (string | null)[] | undefined {
  const [[kind, body] = ["", {}]] = Object.entries(where ?? {}) as [string, SqlNode][];
  const only = columnsIn(where).every((name) => name === column);
  if (!where || !only) return undefined;
  if (kind === "NullTest") return body.nulltesttype === "IS_NULL" ? [null] : undefined;
  if (kind === "A_Expr" && ["AEXPR_OP", "AEXPR_IN"].includes(String(body.kind))) {
    const plain = "ColumnRef" in ((body.lexpr ?? {}) as object);
    const operator = findNodes({ name: body.name }, "String")[0]?.sval;
    return plain && operator === "=" ? stringsIn(body.rexpr) : undefined;
  }
  if (kind === "BoolExpr" && body.boolop === "OR_EXPR") {
    const parts = (body.args as SqlNode[]).map((part) => oldValues(part, column));
    return parts.includes(undefined) ? undefined : (parts as (string | null)[][]).flat();
  }
  return undefined;
}

/** What the file's UPDATEs turn old values into: `[["carve-out", "carveout"]]`, and the texts of those that say more. */
function readMapping({ statements, change }: Judged) {
  const read = { pairs: [] as [string | null, string][], more: [] as string[] };
  for (const { kind, body, text } of statements) {
    const { schemaname, relname } = (body.relation ?? {}) as { schemaname?: string; relname?: string };
    const ours = relname === change.table && (schemaname ?? change.schema) === change.schema;
    if (kind !== "UpdateStmt" || !ours) continue;
    const targets = body.targetList as { ResTarget?: SqlNode }[];
    const target = targets.find(({ ResTarget: each }) => each?.name === change.column)?.ResTarget;
    const constant = (target?.val as { A_Const?: { sval?: { sval?: string } } } | undefined)?.A_Const?.sval;
    const from = oldValues(body.whereClause as SqlNode | undefined, change.column);
    const to = constant && (constant.sval ?? "");
    if (to !== undefined && from)
      read.pairs.push(...from.map((value): [string | null, string] => [value, to]));
    else if (target) read.more.push(text);
  }
  return read;
}

function judgeMapping(judged: Judged): Finding[] {
  const { file } = judged;
  const { pairs, more } = readMapping(judged);
  const unread = more.map((text) =>
    finding(
      "note",
      file,
      `not compared with change.normalise, for it says more than one value by one: ${clip(text, 160)}.`,
      "Compare it by hand: the stamp says that both are the same.",
    ),
  );
  return [...unread, ...pairs.flatMap((pair) => judgePair(judged, pair))];
}

function judgePair({ change, file }: Judged, [from, to]: [string | null, string]): Finding[] {
  const ours = mapValue(change, from);
  if (ours === to) return [];
  const says = `${showValue(from)} → ${showValue(to)}`;
  if (ours === from && !change.allowed.includes(from ?? "")) {
    const key = from === null ? "change.normalise.whenNull" : "change.normalise.spellings";
    return [
      finding(
        "note",
        file,
        `it maps ${says}, for which ${key} has no rule.`,
        `Add it to ${key}, if such rows may come.`,
      ),
    ];
  }
  return [
    finding(
      "stop",
      file,
      `expected ${file} to map ${showValue(from)} as change.normalise does (${showValue(ours)}), got ${says}.`,
      "Correct the one that is wrong: the stamp says that both are the same.",
    ),
  ];
}

function judgeConstraint({ statements, change, file }: Judged): Finding[] {
  return statements.flatMap((statement) => {
    if ((statement.body.relation as { relname?: string } | undefined)?.relname !== change.table) return [];
    return alterCommands(statement).flatMap((command) => {
      const [check] = command.subtype === "AT_AddConstraint" ? findNodes(command, "Constraint") : [];
      const values = [...new Set(stringsIn(check?.raw_expr))].sort();
      if (!check || !columnsIn(check.raw_expr).includes(change.column) || values.length === 0) return [];
      const allowed = change.allowed.toSorted();
      return [
        ...(JSON.stringify(values) === JSON.stringify(allowed)
          ? []
          : [
              finding(
                "stop",
                file,
                `expected the CHECK of ${file} to allow ${allowed.join(", ")} as change.allowed does, got ${values.map((value) => clip(value, 40)).join(", ")}.`,
                "Correct the one that is wrong.",
              ),
            ]),
        ...(check.conname === change.constraint || check.conname === undefined
          ? []
          : [
              finding(
                "stop",
                file,
                `expected the CHECK of ${file} to be named ${change.constraint} as change.constraint says, got ${clip(String(check.conname), 63)}.`,
                "Set change.constraint to that name: later migrations and the downgrade go by it.",
              ),
            ]),
      ];
    });
  });
}

/** What the stamp would skip: the rollout makes this change and no other. */
function judgeExtent({ script, statements, change, file }: Judged): Finding[] {
  const more = [
    ...script.others.map(({ operation, table }) => `${operation}${table ? ` on ${clip(table, 63)}` : ""}`),
    ...statements.flatMap((statement) => extentOf(statement, change).beyond),
  ];
  if (more.length === 0) return [];
  return [
    finding(
      "stop",
      file,
      `expected ${file} to do no more than this change, got ${[...new Set(more)].slice(0, 10).join(", ")}: the stamp would skip it.`,
      "Move it into a revision of its own, before or after.",
    ),
  ];
}

const BETTER_WAY =
  "phase 1 does it as expand → batches along the key → CHECK and helper NOT VALID → VALIDATE → SET NOT NULL via helper, " +
  "and stamps the revision; it can be undone exactly.";

async function judgeWay({ script, change, file }: Judged): Promise<Finding[]> {
  const faults = await judgeSql(script.transactions, change);
  // The same fault of several statements is told once, at the first.
  const first = faults.filter(({ rule }, at) => faults.findIndex((other) => other.rule === rule) === at);
  const one = script.transactions.length === 1 && first.length > 0;
  return [
    ...(one
      ? [
          finding(
            "note",
            file,
            `it does everything in one transaction, in which writers wait until its end: ${BETTER_WAY}`,
            "Have nobody run it by `flask db upgrade` or `alembic upgrade`; the rollout stands in for it.",
          ),
        ]
      : []),
    ...first.map(({ rule, finding: text, remedy }) =>
      finding("note", file, `[${rule}] ${clip(text, 240)}.`, remedy),
    ),
  ];
}

async function parseScript(script: MigrationScript): Promise<ParsedStatement[]> {
  const parsed = await Promise.all(script.transactions.flatMap(({ statements }) => statements).map(parseSql));
  return parsed.flat();
}

/** The migration file as transactions of SQL, for the linter; empty for one that can't be read. */
export function scriptSql({ text, file }: Revision): string[] {
  return readOperations(text, file).transactions.flatMap(({ statements }) => statements);
}

/** What the application says about the file, beside its text. */
export interface ScriptContext {
  /** How its models have constraints named. */
  convention?: NamingConvention;
  /** Names of files whose unread parts a person has compared: `review.accept`. */
  accept?: readonly string[];
}

/** What was not read is not compared: it stops, until a person has done it. */
function judgeUnread(
  { unclear, unnamed }: Pick<MigrationScript, "unclear" | "unnamed">,
  change: Change,
  path: string,
  accept: readonly string[],
) {
  const file = clip(path);
  const name = basename(path);
  const [severity, remedy] = accept.includes(name)
    ? (["note", "Accepted by review.accept: somebody has compared it with change by hand."] as const)
    : (["stop", `Compare it with change by hand, then review.accept: [${JSON.stringify(name)}].`] as const);
  return [
    ...unclear.map((place) => finding(severity, file, `not read: ${clip(`${file}:${place}`, 160)}.`, remedy)),
    ...unnamed.map((why) =>
      finding(
        "note",
        file,
        `the name of the CHECK that ${file} adds is not known here: ${clip(why, 200)}.`,
        `See that it is called ${change.constraint}, or set change.constraint to the name that it gets.`,
      ),
    ),
  ];
}

/** Judges the file of the revision that stands for this change: it is stamped, never run. */
export async function judgeScript(
  revision: Revision,
  change: Change,
  { convention, accept = [] }: ScriptContext = {},
): Promise<Finding[]> {
  const file = clip(revision.file);
  const script = readOperations(revision.text, file, { convention });
  const unclear = judgeUnread(script, change, revision.file, accept);
  const oneWay = script.hasUpgrade && !script.hasDowngrade;
  const downgrade = oneWay
    ? [
        finding(
          "note",
          file,
          "it has no downgrade.",
          "The rollout's own undo goes back, stamp included; `alembic downgrade` would not.",
        ),
      ]
    : [];
  try {
    const judged = { change, file, script, statements: await parseScript(script) };
    const blind = judged.statements.filter((statement) => extentOf(statement, change).unread);
    const sql = blind.map(({ text }) => `1: its SQL, which runs code of the database: ${clip(text, 80)}`);
    return [
      ...judgeMapping(judged),
      ...judgeConstraint(judged),
      ...judgeExtent(judged),
      ...(await judgeWay(judged)),
      ...downgrade,
      ...judgeUnread({ unclear: sql, unnamed: [] }, change, revision.file, accept),
      ...unclear,
    ];
  } catch (error) {
    const sql = { unclear: [`1: its SQL (${(error as Error).message})`], unnamed: [] };
    return [...judgeUnread(sql, change, revision.file, accept), ...downgrade, ...unclear];
  }
}
