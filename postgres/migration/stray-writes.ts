import type { Client } from "pg";
import type { Change } from "./change.ts";
import { tableName } from "./change-sql.ts";

interface Written {
  table: string;
  /** The table of the change. */
  own: boolean;
  updated: number;
  insertedOrDeleted: number;
}

/**
 * Rows that this session has written, by table. The server counts them whoever's function writes; schema rollout is
 * ours. Not to be seen this way: what goes through another connection (dblink), NOTIFY, sequences.
 */
const WRITTEN = `
  SELECT format('%I.%I', n.nspname, c.relname) AS table, c.oid = to_regclass($1) AS own, w.updated::int, w.other::int AS "insertedOrDeleted"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT pg_stat_get_xact_tuples_updated(c.oid) AS updated,
           pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid) AS other) w
  WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rollout')
    AND w.updated + w.other > 0`;

async function readWritten(client: Client, change: Change): Promise<Written[]> {
  return (await client.query<Written>(WRITTEN, [tableName(change)])).rows;
}

const rowsOf = (written: Written | undefined) => (written?.updated ?? 0) + (written?.insertedOrDeleted ?? 0);

/**
 * Begins to watch what a transaction writes. The counts of earlier transactions may not have been handed in yet, so
 * only the difference within this one counts.
 * @returns asks what was written beside `rows` updates of the table itself, as `public.audit (7 rows)`. What was tried
 * and taken back within the transaction counts with the rest: with such tries, of `undone` rows, a number is a bound.
 */
export async function watchWrites(
  client: Client,
  change: Change,
): Promise<(rows: number, undone?: number) => Promise<string[]>> {
  const before = new Map((await readWritten(client, change)).map((written) => [written.table, written]));
  return async (rows, undone = 0) => {
    const now = await readWritten(client, change);
    return now.flatMap((written) => {
      const count = rowsOf(written) - rowsOf(before.get(written.table)) - (written.own ? rows : 0);
      if (count <= (written.own ? undone : 0)) return [];
      const bound = undone > 0 ? "at most " : "";
      return [`${written.table} (${bound}${count} ${count === 1 ? "row" : "rows"})`];
    });
  };
}
