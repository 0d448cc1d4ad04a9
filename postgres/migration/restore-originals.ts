import type { Client } from "pg";
import { lineTurns, withProgress } from "../../system/progress.ts";
import { describeHolders, lockHolders } from "../lock-retry.ts";
import { runInParallel } from "../parallel.ts";
import { pause } from "../pause.ts";
import { tableName } from "./change-sql.ts";
import { type Group, leftGroups, pendingGroups } from "./pending-entries.ts";
import { IN_THE_WAY } from "./refusal.ts";
import { restoreBatch } from "./restore-batch.ts";
import type { RestoreWork } from "./write-originals.ts";

/** A row that is locked for longer no longer holds up the others of its batch. */
const PATIENT_TRIES = 5;

async function restoreGroups(
  work: RestoreWork,
  groups: readonly Group[],
  patientTries: number,
): Promise<number> {
  let restored = 0;
  const say = (done: number) => `${done} of ${groups.length} batches restored`;
  await withProgress({ log: work.log, say, signal: work.signal }, (progress) =>
    runInParallel(work.clients, groups, async (client, pending) => {
      // Read after the wait: another connection may have added to it meanwhile.
      const rows = await restoreBatch(client, work, pending, patientTries);
      restored += rows;
      progress.add(1);
    }),
  );
  return restored;
}

/** How long rows that somebody else holds are waited for once all others are back: half a minute by default. */
const HELD_TRIES = 600;
const LONGEST_WAIT_MS = 300_000;
const LOOK_AGAIN_MS = 1_000;

/** Waits for those who hold rows, for a bounded time: then these rows are left like any other that can't go back. */
async function restoreHeld(work: RestoreWork): Promise<number> {
  const until = Date.now() + Math.min(HELD_TRIES * work.lockTimeoutMs, LONGEST_WAIT_MS);
  let restored = 0;
  const isDue = lineTurns(0);
  for (;;) {
    const held = await leftGroups(work, IN_THE_WAY);
    if (held.length === 0 || Date.now() > until) return restored;
    if (isDue()) {
      const who = describeHolders(await lockHolders(work.client, tableName(work.change)));
      work.log(`waiting for rows that another session holds; at work on the table: ${who || "nobody now"}`);
    }
    await pause(Math.min(LOOK_AGAIN_MS, 10 * work.lockTimeoutMs), work.signal);
    restored += await restoreGroups(work, held, 0);
  }
}

/**
 * Gives every row its original value that is still ours, in batches. The normaliser must be off. Resumable: each
 * batch marks its journal rows in its own transaction. No row keeps the others from going back: what the server
 * refuses stays as it is and is written down (`rollout.refused`), and is tried once more by the next run.
 * @returns rows given back by this run.
 */
export async function restoreOriginals(work: RestoreWork): Promise<number> {
  const earlier = await leftGroups(work);
  let restored = 0;
  for (;;) {
    const groups = await pendingGroups(work);
    if (groups.length === 0) break;
    restored += await restoreGroups(work, groups, PATIENT_TRIES);
  }
  // After the others: what was in the way of a row may have been another one.
  restored += await restoreGroups(work, earlier, 1);
  return restored + (await restoreHeld(work));
}

/** Rows that the undo left alone, by reason, and the first of them. */
export interface KeptRows {
  byReason: Record<string, number>;
  rows: { key: string; raw: string | null; reason: string }[];
}

/** Everything that this and earlier, interrupted runs of the undo left alone. */
export async function readKept(client: Client, limit: number): Promise<KeptRows> {
  const counts = await client.query<{ reason: string; rows: string }>(
    "SELECT reason, count(*) AS rows FROM rollout.kept GROUP BY 1 ORDER BY 1",
  );
  const { rows } = await client.query<{ key: string; raw: string | null; reason: string }>(
    "SELECT key, raw, reason FROM rollout.kept ORDER BY length(key), key LIMIT $1",
    [limit],
  );
  return { byReason: Object.fromEntries(counts.rows.map((r) => [r.reason, Number(r.rows)])), rows };
}
