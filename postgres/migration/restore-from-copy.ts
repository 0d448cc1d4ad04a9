import { quoteName, tableName } from "./change-sql.ts";
import type { CopyWork } from "./column-copy.ts";
import { type LeftRow, recordLeftRows } from "./left-record.ts";
import { describeRefusal } from "./refusal.ts";
import { type Judged, type RestoreWork, writeOneByOne } from "./write-originals.ts";

/** Rows that are tried by one call. */
const ROWS_A_FETCH = 10_000;

interface CopiedRow {
  key: string;
  raw: string | null;
  became: string | null;
}

/** The table is ours alone under the lock: every row that differs from the copy is to go back. */
const asJudged = ({ key, raw, became }: CopiedRow): Judged => ({
  entry: { since: 0, key, raw, became, side: null },
  fate: { verdict: "restore", key },
});

/** A refused row gets an entry in the journal, as if the online way had changed it: from there it is tried again. */
async function leaveRows(
  { client, record }: CopyWork,
  judged: Judged[],
  refused: RefusedRows,
): Promise<void> {
  const rows = judged.filter(({ fate }) => refused.has(fate.key)).map(({ entry }) => entry);
  if (rows.length === 0) return;
  const { rows: entries } = await client.query<{ id: string; keys: string[] }>(
    `INSERT INTO rollout.journal (raw, became, keys, restored)
     SELECT raw, became, array_agg(key), true FROM unnest($1::${record.keyType}[], $2::text[], $3::text[]) AS r (key, raw, became)
     GROUP BY raw, became RETURNING id, keys::text[] AS keys`,
    [rows.map(({ key }) => key), rows.map(({ raw }) => raw), rows.map(({ became }) => became)],
  );
  const left = entries.flatMap(({ id, keys }) =>
    keys.flatMap((key): LeftRow[] => {
      const why = refused.get(key);
      return why ? [{ entry: Number(id), subject: key, key, refusal: describeRefusal(why, []) }] : [];
    }),
  );
  await recordLeftRows(client, left);
}

type RefusedRows = Awaited<ReturnType<typeof writeOneByOne>>["refused"];

/**
 * Gives the rows their values of the copy, each for itself: for when not all of them may go back. The caller holds the
 * table. @returns rows given back.
 */
export async function restoreFromCopy(work: CopyWork): Promise<number> {
  const { client, change } = work;
  const [key, column] = [quoteName(change.key), `t.${quoteName(change.column)}::text`];
  const restoring: RestoreWork = {
    ...work,
    reaffirmed: "keep",
    batchSize: ROWS_A_FETCH,
    clients: [client],
    fires: false,
  };
  await client.query(
    `DECLARE copied NO SCROLL CURSOR FOR SELECT b.key::text AS key, b.raw, ${column} AS became
     FROM rollout.before AS b JOIN ONLY ${tableName(change)} AS t ON t.${key} = b.key WHERE ${column} IS DISTINCT FROM b.raw`,
  );
  let restored = 0;
  for (;;) {
    const { rows } = await client.query<CopiedRow>(`FETCH ${ROWS_A_FETCH} FROM copied`);
    if (rows.length === 0) break;
    const judged = rows.map(asJudged);
    const { done, refused } = await writeOneByOne(client, restoring, judged, { patient: false });
    await leaveRows(work, judged, refused);
    restored += done.size;
  }
  await client.query("CLOSE copied");
  return restored;
}
