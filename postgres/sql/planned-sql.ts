import { lockStatements } from "../lock-retry.ts";
import type { AppTriggerMode } from "../migration/app-triggers.ts";
import { rangeStatement, sweepStatement } from "../migration/backfill-batch.ts";
import { batchSettings } from "../migration/batch-settings.ts";
import type { Change } from "../migration/change.ts";
import { tableName } from "../migration/change-sql.ts";
import { constraintStatements } from "../migration/constraint-ddl.ts";
import type { SideColumn } from "../migration/side-columns.ts";
import { helperName } from "../migration/target-findings.ts";
import { dropTriggerStatements, triggerStatements } from "../migration/triggers.ts";
import { setLocal } from "../transaction.ts";

/** Statements that are one transaction, in order. */
export interface SqlTransaction {
  /** Where it comes from, for messages: `constraint: SET NOT NULL`. */
  name: string;
  statements: string[];
}

export interface PlannedSqlOptions {
  lockTimeoutMs: number;
  /** Type of the key column as the catalogue spells it. */
  keyType: string;
  appTriggers: AppTriggerMode;
  /** Journalled too, where the application's triggers fire. */
  sides: readonly SideColumn[];
}

/**
 * The SQL that phase 1 runs on the table, made by the same functions that run it, as transactions in order: first
 * forward, then back. (Schema rollout takes no lock on the table; the undo's restore walks along the keys of the
 * journal, as the backfill does.)
 */
export function plannedSql(change: Change, options: PlannedSqlOptions): SqlTransaction[] {
  const table = tableName(change);
  const { lockTimeoutMs } = options;
  const locked = (mode: "SHARE ROW EXCLUSIVE" | "ACCESS EXCLUSIVE", ...statements: string[]) => [
    ...lockStatements({ table, mode, lockTimeoutMs }),
    ...statements,
  ];
  const strong = (...statements: string[]) => locked("ACCESS EXCLUSIVE", ...statements);
  const settings = Object.entries(batchSettings({ change, ...options })).map(setLocal);
  const sql = constraintStatements(change);
  return [
    { name: "expand: triggers", statements: locked("SHARE ROW EXCLUSIVE", triggerStatements(change)) },
    { name: "migration: batch", statements: [...settings, rangeStatement(change, options)] },
    { name: "migration: sweep", statements: [...settings, sweepStatement(change, options)] },
    { name: "constraint: checks", statements: strong(sql.add([sql.check, sql.helper])) },
    { name: "constraint: validation", statements: [sql.validate([change.constraint, helperName(change)])] },
    { name: "constraint: NOT NULL", statements: strong(sql.setNotNull) },
    { name: "constraint: helper", statements: strong(sql.dropHelper) },
    { name: "undo of constraint", statements: strong(sql.dropCheck, sql.dropHelper, sql.dropNotNull) },
    { name: "undo of expand", statements: strong(dropTriggerStatements(change)) },
  ];
}
