import type { Client } from "pg";
import type { Change } from "../migration/change.ts";
import { quoteName, tableName } from "../migration/change-sql.ts";

/** Those of the keys whose rows were there at `moment` already, by the column with their time of creation. */
export async function findOlder(
  client: Client,
  change: Change,
  { column, moment, keys }: { column: string; moment: string; keys: readonly string[] },
): Promise<Set<string>> {
  const key = `t.${quoteName(change.key)}`;
  const { rows } = await client.query<{ key: string }>(
    `SELECT ${key}::text AS key FROM ${tableName(change)} AS t
      WHERE ${key} = ANY ($1) AND t.${quoteName(column)} <= $2::timestamptz`,
    [keys, moment],
  );
  return new Set(rows.map((row) => row.key));
}

/** Those of the keys that users deleted, or gave another key, while the tracker stood (postgres/migration/tracker.ts). */
export async function findDeleted(client: Client, keys: readonly string[]): Promise<Set<string>> {
  const { rows: tracked } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('rollout.event') IS NOT NULL AS there",
  );
  if (!tracked[0]?.there) return new Set();
  const { rows } = await client.query<{ key: string }>(
    "SELECT DISTINCT e.key::text AS key FROM rollout.event AS e WHERE e.kind IN ('delete', 'rekey') AND e.key = ANY ($1)",
    [keys],
  );
  return new Set(rows.map(({ key }) => key));
}
