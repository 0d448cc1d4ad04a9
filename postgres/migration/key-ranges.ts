import type { Client } from "pg";
import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";

/** Keys of one batch, both ends included. */
export interface KeyRange {
  first: string;
  last: string;
}

/**
 * The next ranges of `size` keys each, at most `count`, after `cursor`. Reads the primary key's index only.
 * Rows whose key moves while the ranges are worked through are what the sweep is for.
 */
export async function readKeyRanges(
  client: Client,
  change: Change,
  keyType: string,
  { cursor, size, count }: { cursor: string | null; size: number; count: number },
): Promise<KeyRange[]> {
  const key = quoteName(change.key);
  const after = cursor === null ? "$1::text IS NULL" : `t.${key} > $1::${keyType}`;
  const { rows } = await client.query<{ key: string; n: string }>(
    `SELECT k::text AS key, n FROM (
       SELECT k, row_number() OVER (ORDER BY k) AS n, count(*) OVER () AS total FROM (
         SELECT t.${key} AS k FROM ONLY ${tableName(change)} AS t WHERE ${after} ORDER BY t.${key} LIMIT $2) AS page
     ) AS numbered
     WHERE n % $3 IN (0, 1) OR n = total ORDER BY n`,
    [cursor, size * count, size],
  );
  const ranges: KeyRange[] = [];
  for (const { key: at, n } of rows) {
    const index = Math.floor((Number(n) - 1) / size);
    const range = ranges[index];
    if (range) range.last = at;
    else ranges[index] = { first: at, last: at };
  }
  return ranges;
}
