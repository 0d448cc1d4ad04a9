import type { Client } from "pg";
import { quoteName, tableName } from "./change-sql.ts";
import { type Fate, type FateOptions, followRow, type RowEvent } from "./fate.ts";
import type { JournalEntry, Judged, RestoreWork } from "./write-originals.ts";

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

/** How rows are locked: after those who hold them, without those that are held, or not at all. */
export type Locking = "wait" | "skip" | "none";

/**
 * Locks the rows, then asks the tracker: what it says can't change any more. A row whose key was changed is
 * locked under its new key and asked again, until nothing new turns up.
 * @returns also the keys that somebody else holds.
 */
export async function lockAndJudge(
  client: Client,
  work: RestoreWork,
  entries: JournalEntry[],
  locking: Locking,
): Promise<{ judged: Judged[]; held: ReadonlySet<string> }> {
  const asked = new Set<string>();
  const held = new Set<string>();
  let missing = entries.map(({ key }) => key);
  for (;;) {
    for (const key of await lockRows(client, work, missing, locking)) held.add(key);
    for (const key of missing) asked.add(key);
    // A statement of its own, so that it sees what was committed while we waited for the locks.
    const judged = await judgeRows(client, work, entries);
    missing = [...new Set(judged.map(({ fate }) => fate.key).filter((key) => !asked.has(key)))];
    if (missing.length === 0) return { judged, held };
  }
}

async function judgeRows(client: Client, work: RestoreWork, entries: JournalEntry[]): Promise<Judged[]> {
  const options = { reaffirmed: work.reaffirmed, truncatedAt: await readTruncation(client) };
  const keys = entries.map(({ key }) => key);
  const events = await readEvents(client, work.record.keyType, keys);
  return entries.map((entry) => ({ entry, fate: judge(entry, events, options) }));
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

/** @returns the keys of the rows that are there and held by somebody else. */
async function lockRows(
  client: Client,
  { change, record }: RestoreWork,
  keys: string[],
  locking: Locking,
): Promise<string[]> {
  if (locking === "none" || keys.length === 0) return [];
  const key = `t.${quoteName(change.key)}`;
  const rows = `FROM ONLY ${tableName(change)} AS t WHERE ${key} = ANY ($1::${record.keyType}[])`;
  if (locking === "wait") {
    await client.query(`SELECT ${rows} ORDER BY ${key} FOR NO KEY UPDATE`, [keys]);
    return [];
  }
  const ours = await client.query<{ key: string }>(
    `SELECT ${key}::text AS key ${rows} ORDER BY ${key} FOR NO KEY UPDATE SKIP LOCKED`,
    [keys],
  );
  const there = await client.query<{ key: string }>(`SELECT ${key}::text AS key ${rows}`, [keys]);
  const locked = new Set(ours.rows.map((row) => row.key));
  return there.rows.map((row) => row.key).filter((each) => !locked.has(each));
}
