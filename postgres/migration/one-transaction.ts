import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { type Progress, withProgress } from "../../system/progress.ts";
import { withTableLock } from "../lock-retry.ts";
import { stampHere } from "./alembic.ts";
import { assertMayBypass } from "./app-triggers.ts";
import { changeRows, journalledSides, rangeStatement } from "./backfill-batch.ts";
import { batchSettings } from "./batch-settings.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import { quoteName, subjectOf, tableName } from "./change-sql.ts";
import { constraintStatements, readConstraint } from "./constraint-ddl.ts";
import type { TableWork } from "./expand.ts";
import { readKeyRanges } from "./key-ranges.ts";

export interface OneTransactionWork extends TableWork {
  record: ChangeRecord;
  /** Keys of one statement and of one row of the journal: the undo gives them back in such batches. */
  batchSize: number;
  /** Old-style rows at the start, for the progress lines. */
  expectedRows: number;
  /** Stamped into alembic_version where there is one. */
  revision: string | undefined;
  /** Longest wait for the lock: the writers are stopped meanwhile. Without it as long as it takes. */
  lockWaitMs?: number;
  /** Called once the lock is held. What it throws rolls everything back. */
  underLock(): Promise<void>;
}

const RANGES_A_LOOK = 64;

/** Maps the rows with their journal, range by range, as the online backfill does: the journal looks the same. */
async function mapRows(work: OneTransactionWork, progress: Progress): Promise<void> {
  const { client, change, record, batchSize: size } = work;
  const sides = await journalledSides(client, change, work.appTriggers);
  const text = rangeStatement(change, { keyType: record.keyType, sides });
  let cursor: string | null = null;
  for (;;) {
    const ranges = await readKeyRanges(client, change, record.keyType, {
      cursor,
      size,
      count: RANGES_A_LOOK,
    });
    for (const { first, last } of ranges) {
      work.signal.throwIfAborted();
      progress.add(await changeRows(client, work, { step: "migration", text, values: [first, last] }));
    }
    if (ranges.length === 0) return;
    cursor = ranges.at(-1)?.last ?? null;
  }
}

/** CHECK and NOT NULL at once, with their scans: nobody is there who would wait for them. */
async function constrain(client: Client, change: Change): Promise<void> {
  const sql = constraintStatements(change);
  const { present, asWanted, validated, notNull, helper } = await readConstraint(client, change);
  const stands = present && asWanted;
  const statements = [
    // A deferred trigger that is still to fire would be in the way of ALTER TABLE.
    "SET CONSTRAINTS ALL IMMEDIATE",
    ...(present && !asWanted ? [sql.dropCheck] : []),
    ...(stands ? [] : [sql.add([sql.check])]),
    ...(stands && validated ? [] : [sql.validate([change.constraint])]),
    ...(notNull ? [] : [sql.setNotNull]),
    ...(helper ? [sql.dropHelper] : []),
  ];
  await client.query(statements.join("; "));
  const state = await readConstraint(client, change);
  if (state.present && state.asWanted && state.validated && state.notNull) return;
  throw new StepError(
    `migration: expected CHECK ${change.constraint} and NOT NULL on ${subjectOf(change)}, got ${JSON.stringify(state)}. ` +
      "Look for an event trigger that changes the statement.",
  );
}

/** The backfill is done up to the last key there is: a later run has nothing to walk through again. */
export async function markBackfilled(client: Client, change: Change): Promise<void> {
  const key = quoteName(change.key);
  await client.query(
    `UPDATE rollout.change SET backfilled_at = clock_timestamp(),
       cursor = (SELECT t.${key}::text FROM ONLY ${tableName(change)} AS t ORDER BY t.${key} DESC LIMIT 1)`,
  );
}

/** @throws {StepError} instead of the bare signal when the lock was not to be had in time. */
export async function withinLockWait<T>(
  { change, signal, lockWaitMs }: Pick<OneTransactionWork, "change" | "signal" | "lockWaitMs">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (lockWaitMs === undefined) return work(signal);
  const late = AbortSignal.timeout(lockWaitMs);
  try {
    return await work(AbortSignal.any([signal, late]));
  } catch (error) {
    if (signal.aborted || error !== late.reason) throw error;
    throw new StepError(
      `migration: expected the lock on ${tableName(change)} within ${lockWaitMs / 1000} s with all writers stopped, ` +
        "got none: the lines above name who holds it. End that session, then run again.",
    );
  }
}

/**
 * Rows, journal, CHECK, NOT NULL and revision in one transaction under ACCESS EXCLUSIVE: all of it or nothing. To be
 * called with all writers stopped, for readers wait for as long as it takes.
 */
export async function changeInOneTransaction(work: OneTransactionWork): Promise<void> {
  const { client, change, revision } = work;
  // Flushed to disk: the writers are started on what it left.
  const { synchronous_commit: _, ...settings } = batchSettings(work);
  await assertMayBypass(client, work.appTriggers, "migration");
  const lock = { ...work, table: tableName(change), mode: "ACCESS EXCLUSIVE" as const, settings };
  await withinLockWait(work, (signal) =>
    withTableLock(client, { ...lock, signal }, async () => {
      await work.underLock();
      // Nothing to say of a run that is cancelled: all of it is rolled back.
      const say = (done: number) => `${done} of about ${work.expectedRows} rows changed`;
      await withProgress({ log: work.log, say }, (progress) => mapRows(work, progress));
      await constrain(client, change);
      if (revision !== undefined) await stampHere(client, change, revision);
      await markBackfilled(client, change);
    }),
  );
}
