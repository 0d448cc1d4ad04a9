import type { Client } from "pg";
import type { JournalEntry, RestoreWork } from "./write-originals.ts";

/** Where entries come from: batches of the backfill, old-style writes that the normaliser saw, or what an earlier try left. */
type Source = "journal" | "event" | "refused";

/** Entries of one transaction, by number. */
export interface Group {
  source: Source;
  ids: string[];
}

interface Sized {
  id: string;
  size: number;
}

const PENDING = {
  journal: "SELECT id, cardinality(keys) AS size FROM rollout.journal WHERE NOT restored ORDER BY id",
  event: "SELECT seq AS id, 1 AS size FROM rollout.event WHERE kind = 'raw' AND NOT restored ORDER BY seq",
};

/** Everything of the journal that no run of the undo has come to. */
export async function pendingGroups({ client, batchSize }: RestoreWork): Promise<Group[]> {
  const journal = await client.query<Sized>(PENDING.journal);
  const events = await client.query<Sized>(PENDING.event);
  return [...group("journal", journal.rows, batchSize), ...group("event", events.rows, batchSize)];
}

/** What earlier tries have left. @param code only what was left with one of these SQLSTATEs, as POSIX expression. */
export async function leftGroups({ client, batchSize }: RestoreWork, code = ""): Promise<Group[]> {
  const { rows } = await client.query<Sized>(
    `SELECT entry AS id, count(*)::int AS size FROM rollout.refused
     WHERE entry > 0 AND code ~ $1 GROUP BY 1 ORDER BY 1`,
    [code],
  );
  return group("refused", rows, batchSize);
}

function group(source: Source, rows: readonly Sized[], batchSize: number): Group[] {
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

const LEFT = `JOIN rollout.refused AS r ON r.subject = k.key::text`;

const ENTRIES: Record<Source, string> = {
  journal: `SELECT j.id AS since, k.key::text AS key, j.raw, j.became, k.side
    FROM rollout.journal AS j, unnest(j.keys, j.sides) AS k (key, side) WHERE j.id = ANY ($1::bigint[])`,
  event: `SELECT seq AS since, key::text AS key, raw, became, NULL::jsonb AS side
    FROM rollout.event WHERE seq = ANY ($1::bigint[])`,
  refused: `SELECT j.id AS since, k.key::text AS key, j.raw, j.became, k.side
    FROM rollout.journal AS j CROSS JOIN unnest(j.keys, j.sides) AS k (key, side) ${LEFT} AND r.entry = j.id
    WHERE j.id = ANY ($1::bigint[])
    UNION ALL SELECT k.seq, k.key::text, k.raw, k.became, NULL::jsonb
    FROM rollout.event AS k ${LEFT} AND r.entry = k.seq WHERE k.seq = ANY ($1::bigint[])`,
};

export async function readEntries(client: Client, { source, ids }: Group): Promise<JournalEntry[]> {
  const { rows } = await client.query<Omit<JournalEntry, "since"> & { since: string }>(ENTRIES[source], [
    ids,
  ]);
  return rows.map((row) => ({ ...row, since: Number(row.since) }));
}

/** Marks them as dealt with, whatever became of them. In the transaction that did it. */
export async function settleGroup(client: Client, { source, ids }: Group): Promise<void> {
  if (source === "refused") return;
  const [table, id] = source === "journal" ? ["journal", "id"] : ["event", "seq"];
  await client.query(`UPDATE rollout.${table} SET restored = true WHERE ${id} = ANY ($1::bigint[])`, [ids]);
}
