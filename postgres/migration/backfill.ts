import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { type Progress, withProgress } from "../../system/progress.ts";
import { wasInTheWay } from "../lock-retry.ts";
import { runInParallel } from "../parallel.ts";
import { pause } from "../pause.ts";
import { inTransaction } from "../transaction.ts";
import { assertMayBypass } from "./app-triggers.ts";
import {
  type BatchShape,
  changeRows,
  journalledSides,
  rangeStatement,
  sweepStatement,
} from "./backfill-batch.ts";
import { batchSettings } from "./batch-settings.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import { oldStyle, quoteName, subjectOf, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import { type KeyRange, readKeyRanges } from "./key-ranges.ts";

export interface BackfillWork extends TableWork {
  record: ChangeRecord;
  batchSize: number;
  /** Connections that work at the same time, the first one being `client`. */
  clients: Client[];
  /** Old-style rows at the start, for the progress lines. */
  expectedRows: number;
  shape: BatchShape;
}

/** Batches between two checkpoints of the cursor. */
const BATCHES_A_CHECKPOINT = 64;

async function runBatch(
  client: Client,
  work: BackfillWork,
  query: { name: string; text: string },
  values: unknown[],
) {
  return inTransaction(client, { lease: work.lease, settings: batchSettings(work) }, () =>
    changeRows(client, work, { step: "migration", ...query, values }),
  );
}

async function withRetry(work: BackfillWork, batch: () => Promise<number>): Promise<number> {
  for (;;) {
    work.signal.throwIfAborted();
    try {
      return await batch();
    } catch (error) {
      if (!wasInTheWay(error)) throw error;
      await pause(work.lockTimeoutMs * (1 + Math.random()), work.signal);
    }
  }
}

async function saveCursor({ client, lease }: BackfillWork, cursor: string): Promise<void> {
  await inTransaction(client, { lease, settings: { synchronous_commit: "off" } }, () =>
    client.query("UPDATE rollout.change SET cursor = $1", [cursor]),
  );
}

/** Walks along the primary key from the last checkpoint. */
async function walkKeys(work: BackfillWork, progress: Progress): Promise<number> {
  const { client, change, record, batchSize: size } = work;
  const query = { name: "backfill", text: rangeStatement(change, work.shape) };
  let { cursor } = record;
  let changed = 0;
  for (;;) {
    const ranges = await readKeyRanges(client, change, record.keyType, {
      cursor,
      size,
      count: BATCHES_A_CHECKPOINT,
    });
    if (ranges.length === 0) return changed;
    await runInParallel(work.clients, ranges, async (worker, { first, last }: KeyRange) => {
      const rows = await withRetry(work, () => runBatch(worker, work, query, [first, last]));
      changed += rows;
      progress.add(rows);
    });
    cursor = ranges.at(-1)?.last ?? cursor;
    if (cursor !== null) await saveCursor(work, cursor);
  }
}

export async function readLeftover(client: Client, change: Change, limit: number): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(
    `SELECT t.${quoteName(change.key)}::text AS key FROM ONLY ${tableName(change)} AS t
     WHERE ${oldStyle(change, `t.${quoteName(change.column)}`)} LIMIT $1`,
    [limit],
  );
  return rows.map(({ key }) => key);
}

const IDLE_SWEEPS = 50;

function stuckSweep({ change }: BackfillWork, keys: string[]): StepError {
  return new StepError(
    `migration: expected old-style values of ${subjectOf(change)} to stay mapped, got rows that go back to them ` +
      `(${change.key} ${keys.slice(0, 20).join(", ")}). Look for a trigger or a rule that writes the column.`,
  );
}

/** Finds what the walk left: rows that were locked, whose key moved past the cursor, or that a restart missed. */
async function sweep(work: BackfillWork, progress: Progress): Promise<number> {
  const { client, change } = work;
  const query = { name: "sweep", text: sweepStatement(change, work.shape) };
  let changed = 0;
  let idle = 0;
  for (;;) {
    const keys = await readLeftover(client, change, work.batchSize);
    if (keys.length === 0) return changed;
    const rows = await withRetry(work, () => runBatch(client, work, query, [keys]));
    // Users may delete or move rows under our hands now and then, but not time after time.
    idle = rows === 0 ? idle + 1 : 0;
    if (idle > IDLE_SWEEPS) throw stuckSweep(work, keys);
    changed += rows;
    progress.add(rows);
  }
}

/**
 * Maps every old-style row, in batches, on all connections, resuming at the last checkpoint. The normaliser must
 * stand: then no old-style value comes after it. @returns rows changed by this run.
 */
export async function backfill(options: Omit<BackfillWork, "shape">): Promise<number> {
  const { client, change, record, appTriggers } = options;
  await assertMayBypass(client, appTriggers, "migration");
  const sides = await journalledSides(client, change, appTriggers);
  const work = { ...options, shape: { keyType: record.keyType, sides } };
  const say = (done: number) => `${done} of about ${work.expectedRows} rows changed`;
  const changed = await withProgress({ log: work.log, say, signal: work.signal }, async (progress) => {
    const walked = await walkKeys(work, progress);
    return walked + (await sweep(work, progress));
  });
  await inTransaction(work.client, { lease: work.lease }, () =>
    work.client.query("UPDATE rollout.change SET backfilled_at = clock_timestamp()"),
  );
  return changed;
}

/** Forgets how far the backfill came: the restore is over, a new backfill begins at the first key. */
export async function forgetBackfill({ client, lease }: TableWork): Promise<void> {
  await inTransaction(client, { lease }, () =>
    client.query("UPDATE rollout.change SET backfilled_at = NULL, cursor = NULL"),
  );
}
