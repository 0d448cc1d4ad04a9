import type { Client } from "pg";
import { inTransaction } from "../transaction.ts";
import type { Change } from "./change.ts";
import { mapValue, quoteName, tableName, unmapped } from "./change-sql.ts";

/** Rows of the table by the state of the changed column. */
export interface RowCounts {
  total: number;
  /** Rows without a value. */
  null: number;
  /** Rows outside `allowed`, those without a value included: what keeps the constraint from holding. */
  invalid: number;
  /** Of the invalid ones, those that no rule maps: what keeps phase 1 from starting. */
  unmapped: number;
  /** Every value that occurs, except NULL, and its rows. `total` = `null` + their sum. */
  byType: Record<string, number>;
}

export interface CountOptions {
  /** Longest time a count may take; the server ends it then. */
  timeoutMs?: number;
}

const READ_ONLY = { mode: "ISOLATION LEVEL REPEATABLE READ, READ ONLY" };

async function countByValue(client: Client, change: Change, timeoutMs: number) {
  const column = quoteName(change.column);
  return inTransaction(client, { ...READ_ONLY, settings: { statement_timeout: `${timeoutMs}ms` } }, () =>
    client.query<{ value: string | null; rows: string }>(
      `SELECT ${column} AS value, count(*) AS rows FROM ONLY ${tableName(change)} GROUP BY 1 ORDER BY 1`,
    ),
  );
}

/** Counts the rows in one scan (about 0.1 s per million). */
export async function countRows(
  client: Client,
  change: Change,
  { timeoutMs = 120_000 }: CountOptions = {},
): Promise<RowCounts> {
  const { rows } = await countByValue(client, change, timeoutMs);
  const counts: RowCounts = { total: 0, null: 0, invalid: 0, unmapped: 0, byType: {} };
  for (const { value, rows: text } of rows) {
    const count = Number(text);
    const target = mapValue(change, value);
    counts.total += count;
    if (value === null) counts.null += count;
    else counts.byType[value] = count;
    if (value === null || !change.allowed.includes(value)) counts.invalid += count;
    if (target === null || !change.allowed.includes(target)) counts.unmapped += count;
  }
  return counts;
}

/** One row by its key and the value of the changed column. */
export interface KeyedValue {
  key: string;
  value: string | null;
}

/** The first `limit` rows, by key, that are outside `allowed` and that no rule maps. */
export async function listUnmapped(client: Client, change: Change, limit: number): Promise<KeyedValue[]> {
  return listRows(client, change, unmapped(change, quoteName(change.column)), limit);
}

/** The first `limit` rows, by key, that meet a condition of `change-sql.ts`. */
export async function listRows(
  client: Client,
  change: Change,
  condition: string,
  limit: number,
): Promise<KeyedValue[]> {
  const key = quoteName(change.key);
  const settings = { statement_timeout: "120s" };
  const { rows } = await inTransaction(client, { ...READ_ONLY, settings }, () =>
    client.query<KeyedValue>(
      `SELECT ${key}::text AS key, ${quoteName(change.column)} AS value FROM ONLY ${tableName(change)}
       WHERE ${condition} ORDER BY ${tableName(change)}.${key} LIMIT $1`,
      [limit],
    ),
  );
  return rows;
}
