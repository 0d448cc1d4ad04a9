import type { Client } from "pg";
import { MaintenanceSection } from "../../config/maintenance.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { leftElsewhere } from "../../ledger/left.ts";
import { connect } from "../../postgres/connect.ts";
import type { Change } from "../../postgres/migration/change.ts";
import { tableName } from "../../postgres/migration/change-sql.ts";
import { countRows } from "../../postgres/migration/counts.ts";
import { readLeft } from "../../postgres/migration/left-record.ts";
import { readMaintenance } from "../../postgres/migration/maintenance-record.ts";
import type { Status } from "./contract.ts";

const QUERY = `
  SELECT c.oid IS NOT NULL AS present, COALESCE(c.convalidated, false) AS validated, a.attnotnull AS "notNull"
  FROM pg_attribute a
  LEFT JOIN pg_constraint c ON c.conrelid = a.attrelid AND c.contype = 'c' AND c.conname = $2
  WHERE a.attrelid = $1::regclass AND a.attname = $3 AND NOT a.attisdropped`;

/** Whether the CHECK and NOT NULL of the change stand. */
async function readConstraint(client: Client, change: Change): Promise<NonNullable<Status["constraint"]>> {
  const { rows } = await client.query<NonNullable<Status["constraint"]>>(QUERY, [
    tableName(change),
    change.constraint,
    change.column,
  ]);
  return rows[0] ?? { present: false, validated: false, notNull: false };
}

/** Writers that this rollout has stopped and not started again: by a run at work, or by one that was killed. */
async function readOpenMaintenance(client: Client): Promise<Status["maintenance"]> {
  const record = await readMaintenance(client);
  return record ? { since: record.since, start: MaintenanceSection.parse(record.section).start } : null;
}

/** What the database alone can tell. */
export async function readDatabase(
  status: Status,
  { databaseUrl, change }: Pick<RolloutConfig, "databaseUrl" | "change">,
): Promise<void> {
  const client = await connect(databaseUrl, { connectTimeoutMs: 5_000 });
  try {
    status.constraint = await readConstraint(client, change);
    status.maintenance = await readOpenMaintenance(client);
    status.left = [...(await readLeft(client, change)), ...leftElsewhere(status.left)];
    status.rows = await countRows(client, change);
  } finally {
    await client.end();
  }
}
