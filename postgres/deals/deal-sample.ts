import type { Client } from "pg";
import type { Change } from "../migration/change.ts";
import { quoteName, tableName } from "../migration/change-sql.ts";

/** A row that is looked at, and the value of its column. */
export interface SampledRow {
  key: string;
  type: string;
}

/** Takes from each list in turn until `count` are taken or nothing is left. Pure. */
export function takeInTurns<T>(lists: readonly (readonly T[])[], count: number): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const turns = Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1)));
  return turns.flat().slice(0, count);
}

/**
 * Up to `count` rows, as many of each allowed value as there are: the same rows as long as the table holds them, spread
 * over all keys. A value that is rare is there too. Reads the table once for each value, or its index on the column.
 */
export async function sampleRows(client: Client, change: Change, count: number): Promise<SampledRow[]> {
  const [key, column] = [`t.${quoteName(change.key)}`, `t.${quoteName(change.column)}`];
  const lists: SampledRow[][] = [];
  for (const type of change.allowed) {
    const { rows } = await client.query<{ shown: string }>(
      `SELECT ${key}::text AS shown FROM ${tableName(change)} AS t WHERE ${column} = $1
       ORDER BY md5(${key}::text), ${key} LIMIT $2`,
      [type, count],
    );
    lists.push(rows.map(({ shown }) => ({ key: shown, type })));
  }
  return takeInTurns(lists, count);
}

/** The value of a row's column now; null for NULL and for a row that is gone. */
export async function readType(client: Client, change: Change, key: string): Promise<string | null> {
  const { rows } = await client.query<{ type: string | null }>(
    `SELECT t.${quoteName(change.column)}::text AS type FROM ${tableName(change)} AS t WHERE t.${quoteName(change.key)} = $1`,
    [key],
  );
  return rows[0]?.type ?? null;
}
