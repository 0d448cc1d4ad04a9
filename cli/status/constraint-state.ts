import type { Client } from "pg";
import type { Change } from "../../postgres/migration/change.ts";
import { tableName } from "../../postgres/migration/change-sql.ts";
import type { Status } from "./contract.ts";

const QUERY = `
  SELECT c.oid IS NOT NULL AS present, COALESCE(c.convalidated, false) AS validated, a.attnotnull AS "notNull"
  FROM pg_attribute a
  LEFT JOIN pg_constraint c ON c.conrelid = a.attrelid AND c.contype = 'c' AND c.conname = $2
  WHERE a.attrelid = $1::regclass AND a.attname = $3 AND NOT a.attisdropped`;

/** Whether the CHECK and NOT NULL of the change stand. */
export async function readConstraint(
  client: Client,
  change: Change,
): Promise<NonNullable<Status["constraint"]>> {
  const { rows } = await client.query<NonNullable<Status["constraint"]>>(QUERY, [
    tableName(change),
    change.constraint,
    change.column,
  ]);
  return rows[0] ?? { present: false, validated: false, notNull: false };
}
