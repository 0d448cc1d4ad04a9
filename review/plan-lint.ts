import type { Client } from "pg";
import { journalledSides } from "../postgres/migration/backfill-batch.ts";
import type { Change } from "../postgres/migration/change.ts";
import type { MigrationOptions } from "../postgres/migration/migration-options.ts";
import { readTargetFacts } from "../postgres/migration/target-facts.ts";
import { plannedSql, type SqlTransaction } from "../postgres/sql/planned-sql.ts";
import { judgeSql } from "../postgres/sql/sql-rules.ts";
import { lintSql } from "../postgres/sql/squawk.ts";
import type { Revision } from "./alembic-folder.ts";
import { scriptSql } from "./alembic-script.ts";
import { clip, type Finding } from "./finding.ts";

/** What the SQL of phase 1 follows from. */
export interface PlanFacts {
  change: Change;
  migration: MigrationOptions;
}

/** Squawk's rules that sql-rules.ts applies with more knowledge of the table, its key and the helper check. */
const OWN_RULES = ["require-lock-timeout", "constraint-missing-not-valid", "adding-not-nullable-field"];

async function lint(
  subject: string,
  sql: string,
  options: { inTransaction: boolean; except: readonly string[] },
  signal: AbortSignal,
): Promise<Finding[]> {
  const outcome = await lintSql(sql, { ...options, signal });
  const about = { severity: "note", topic: "sql", subject } as const;
  if ("unavailable" in outcome) {
    const remedy = "The rules of PostgreSQL's parser were applied all the same (docs/review.md).";
    return [{ ...about, finding: `was not linted by squawk: ${outcome.unavailable}`, remedy }];
  }
  return outcome.warnings.map(({ rule, line, message, help }) => ({
    ...about,
    finding: `[squawk ${rule}] line ${line} of its SQL: ${clip(message, 240)}`,
    remedy: clip(help ?? "Look whether it applies here.", 240),
  }));
}

async function readPlan(client: Client, { change, migration }: PlanFacts) {
  const { key } = await readTargetFacts(client, change);
  const sides = await journalledSides(client, change, migration.appTriggers);
  return plannedSql(change, { ...migration, keyType: key?.type ?? "bigint", sides });
}

/** The planned SQL by the rules that come from this rollout's own way of working. */
export async function judgePlan(client: Client, facts: PlanFacts): Promise<Finding[]> {
  const faults = await judgeSql(await readPlan(client, facts), facts.change);
  return faults.map(({ rule, where, finding, remedy }) => ({
    ...{ severity: "stop", topic: "sql", subject: where, remedy },
    finding: `expected the planned SQL to make nobody wait, got [${rule}] in ${where}: ${finding}.`,
  }));
}

/** One text, each transaction between BEGIN and COMMIT. */
const endStatement = (statement: string) => `${statement.trim().replace(/;$/, "")};`;

function scriptOf(transactions: readonly SqlTransaction[]): string {
  return transactions
    .flatMap(({ statements }) => ["BEGIN;", ...statements.map(endStatement), "COMMIT;"])
    .join("\n");
}

/** Lints the planned SQL, and that of the migration file that it stands in for. */
export async function lintPlan(
  client: Client,
  facts: PlanFacts,
  script: Revision | undefined,
  signal: AbortSignal,
): Promise<Finding[]> {
  const planned = scriptOf(await readPlan(client, facts));
  // The undo gives the column its NULL back: that rule speaks of nothing else.
  const except = ["ban-drop-not-null"];
  const findings = await lint("planned SQL", planned, { inTransaction: false, except }, signal);
  const statements = script ? scriptSql(script) : [];
  if (!script || statements.length === 0) return findings;
  const sql = statements.map(endStatement).join("\n");
  return [
    ...findings,
    ...(await lint(clip(script.file), sql, { inTransaction: true, except: OWN_RULES }, signal)),
  ];
}
