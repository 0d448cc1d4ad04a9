import type { Client } from "pg";
import { wasInTheWay } from "../lock-retry.ts";
import { runInParallel } from "../parallel.ts";
import { pause } from "../pause.ts";
import { sayWhenCancelled, startProgress } from "../progress.ts";
import { inTransaction } from "../transaction.ts";
import { batchSettings, triggerPath } from "./batch-settings.ts";
import { quoteName, tableName } from "./change-sql.ts";
import { type Fate, type FateOptions, followRow, type RowEvent } from "./fate.ts";
import { RESTORING } from "./restore-triggers.ts";
import { watchWrites } from "./stray-writes.ts";
import {
  type JournalEntry,
  type Judged,
  type Kept,
  keptOf,
  type RestoreWork,
  STRAYED,
  writeOriginals,
} from "./write-originals.ts";

/** Where entries come from: batches of the backfill, or old-style writes that the normaliser saw. */
type Source = "journal" | "event";

interface Group {
  source: Source;
  ids: string[];
}

async function pendingGroups({ client, batchSize }: RestoreWork): Promise<Group[]> {
  const journal = await client.query<{ id: string; size: number }>(
    "SELECT id, cardinality(keys) AS size FROM rollout.journal WHERE NOT restored ORDER BY id",
  );
  const events = await client.query<{ id: string; size: number }>(
    "SELECT seq AS id, 1 AS size FROM rollout.event WHERE kind = 'raw' AND NOT restored ORDER BY seq",
  );
  return [...group("journal", journal.rows, batchSize), ...group("event", events.rows, batchSize)];
}

function group(source: Source, rows: { id: string; size: number }[], batchSize: number): Group[] {
  const groups: Group[] = [];
  let room = 0;
  for (const { id, size } of rows) {
    const last = groups.at(-1);
    if (last && size <= room) last.ids.push(id);
    else {
      groups.push({ source, ids: [id] });
      room = batchSize;
    }
    room -= size;
  }
  return groups;
}

async function readEntries(client: Client, { source, ids }: Group): Promise<JournalEntry[]> {
  const sql =
    source === "journal"
      ? "SELECT j.id AS since, k.key::text AS key, j.raw, j.became, k.side FROM rollout.journal j, unnest(j.keys, j.sides) k(key, side) WHERE j.id = ANY ($1::bigint[])"
      : "SELECT seq AS since, key::text AS key, raw, became, NULL::jsonb AS side FROM rollout.event WHERE seq = ANY ($1::bigint[])";
  const { rows } = await client.query<Omit<JournalEntry, "since"> & { since: string }>(sql, [ids]);
  return rows.map((row) => ({ ...row, since: Number(row.since) }));
}

/** Events of these keys, and of the keys they were changed to, and so on. */
async function readEvents(client: Client, keyType: string, keys: string[]): Promise<Map<string, RowEvent[]>> {
  const known = new Map<string, RowEvent[]>();
  let wanted = [...new Set(keys)];
  while (wanted.length > 0) {
    const { rows } = await client.query<Omit<RowEvent, "seq"> & { seq: string }>(
      `SELECT seq, kind, key::text AS key, new_key::text AS "newKey" FROM rollout.event
       WHERE key = ANY ($1::${keyType}[]) ORDER BY seq`,
      [wanted],
    );
    for (const key of wanted) known.set(key, []);
    for (const row of rows) known.get(row.key as string)?.push({ ...row, seq: Number(row.seq) });
    const next = rows.flatMap(({ newKey }) => (newKey === null || known.has(newKey) ? [] : [newKey]));
    wanted = [...new Set(next)];
  }
  return known;
}

/**
 * Locks the rows, then asks the tracker: what it says can't change any more. A row whose key was changed is
 * locked under its new key and asked again, until nothing new turns up.
 */
async function lockAndJudge(client: Client, work: RestoreWork, entries: JournalEntry[]): Promise<Judged[]> {
  const { keyType } = work.record;
  const locked = new Set<string>();
  let missing = entries.map(({ key }) => key);
  for (;;) {
    await lockRows(client, work, missing);
    for (const key of missing) locked.add(key);
    // A statement of its own, so that it sees what was committed while we waited for the locks.
    const options = { reaffirmed: work.reaffirmed, truncatedAt: await readTruncation(client) };
    const events = await readEvents(
      client,
      keyType,
      entries.map(({ key }) => key),
    );
    const judged = entries.map((entry) => ({ entry, fate: judge(entry, events, options) }));
    missing = [...new Set(judged.map(({ fate }) => fate.key).filter((key) => !locked.has(key)))];
    if (missing.length === 0) return judged;
  }
}

function judge(entry: JournalEntry, events: Map<string, RowEvent[]>, options: FateOptions): Fate {
  return followRow(entry, (key) => events.get(key) ?? [], options);
}

async function readTruncation(client: Client): Promise<number> {
  const { rows } = await client.query(
    "SELECT coalesce(max(seq), 0) AS seq FROM rollout.event WHERE key IS NULL",
  );
  return Number(rows[0]?.seq);
}

async function lockRows(client: Client, { change, record }: RestoreWork, keys: string[]): Promise<void> {
  const key = quoteName(change.key);
  await client.query(
    `SELECT FROM ONLY ${tableName(change)} AS t WHERE t.${key} = ANY ($1::${record.keyType}[])
     ORDER BY t.${key} FOR NO KEY UPDATE`,
    [keys],
  );
}

async function recordKept(client: Client, kept: Kept[]): Promise<void> {
  if (kept.length === 0) return;
  await client.query(
    "INSERT INTO rollout.kept SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])",
    [kept.map((k) => k.since), kept.map((k) => k.key), kept.map((k) => k.raw), kept.map((k) => k.reason)],
  );
}

async function restoreGroup(client: Client, work: RestoreWork, pending: Group): Promise<number> {
  const path = work.fires ? triggerPath(work.change) : {};
  const settings = { ...batchSettings(work), ...path, [RESTORING]: "on" };
  return inTransaction(client, { lease: work.lease, settings }, async () => {
    const judged = await lockAndJudge(client, work, await readEntries(client, pending));
    const strays = work.fires ? await watchWrites(client, work.change) : undefined;
    const restored = judged.filter(({ fate }) => fate.verdict === "restore");
    const written = await writeOriginals(client, work, restored);
    const found = (await strays?.(written.size)) ?? [];
    const strayed = found.map((key) => ({ since: 0, key, raw: null, reason: STRAYED }));
    await recordKept(client, [...judged.flatMap((each) => keptOf(each, written)), ...strayed]);
    const [table, id] = pending.source === "journal" ? ["journal", "id"] : ["event", "seq"];
    await client.query(`UPDATE rollout.${table} SET restored = true WHERE ${id} = ANY ($1::bigint[])`, [
      pending.ids,
    ]);
    return written.size;
  });
}

async function restoreWithRetry(client: Client, work: RestoreWork, pending: Group): Promise<number> {
  for (;;) {
    work.signal.throwIfAborted();
    try {
      return await restoreGroup(client, work, pending);
    } catch (error) {
      if (!wasInTheWay(error)) throw error;
      await pause(work.lockTimeoutMs * (1 + Math.random()), work.signal);
    }
  }
}

/**
 * Gives every row its original value that is still ours, in batches. The normaliser must be off. Resumable: each
 * batch marks its journal rows in its own transaction. @returns rows given back by this run.
 */
export async function restoreOriginals(work: RestoreWork): Promise<number> {
  let restored = 0;
  for (;;) {
    const groups = await pendingGroups(work);
    if (groups.length === 0) return restored;
    const progress = startProgress(work.log, (done) => `${done} of ${groups.length} batches restored`);
    await sayWhenCancelled(work.signal, progress, () =>
      runInParallel(work.clients, groups, async (client, pending) => {
        const rows = await restoreWithRetry(client, work, pending);
        restored += rows;
        progress.add(1);
      }),
    );
  }
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
