import type { Client } from "pg";
import type { Lease } from "../../steps/step.ts";
import { inTransaction } from "../transaction.ts";

/**
 * What the database remembers while the writers are stopped: whoever comes after a run that was killed finds here
 * that they are, since when, and how they are started again.
 */
export interface MaintenanceRecord {
  /** UTC, ISO 8601. */
  since: string;
  /** How they are stopped and started, as the step that stopped them wrote it. */
  section: unknown;
  /** The column is copied and the table closed: the application's own command was about to run, or ran. */
  copied: boolean;
}

/** Written before the first writer is stopped. A record that a killed run left keeps its time. */
export async function openMaintenance(
  client: Client,
  lease: Lease | undefined,
  section: object,
): Promise<void> {
  await inTransaction(client, { lease }, async () => {
    await client.query(`
      CREATE TABLE IF NOT EXISTS rollout.maintenance (
        id integer PRIMARY KEY CHECK (id = 1),
        since timestamptz NOT NULL DEFAULT clock_timestamp(),
        section json NOT NULL,
        -- The table before the application's own command: constraint, revisions, schema.
        state json
      )`);
    await client.query(
      "INSERT INTO rollout.maintenance (id, section) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET section = EXCLUDED.section",
      [JSON.stringify(section)],
    );
  });
}

/** Undefined when no writer is stopped by this rollout. */
export async function readMaintenance(client: Client): Promise<MaintenanceRecord | undefined> {
  const there = await client.query<{ open: boolean; copied: boolean }>(
    "SELECT to_regclass('rollout.maintenance') IS NOT NULL AS open, to_regclass('rollout.before') IS NOT NULL AS copied",
  );
  if (!there.rows[0]?.open) return undefined;
  const { rows } = await client.query<{ since: Date; section: unknown }>(
    "SELECT since, section FROM rollout.maintenance",
  );
  const row = rows[0];
  return (
    row && {
      since: row.since.toISOString(),
      section: row.section,
      copied: there.rows[0].copied,
    }
  );
}

/** The writers run again. */
export async function closeMaintenance(client: Client, lease: Lease | undefined): Promise<void> {
  await inTransaction(client, { lease }, () => client.query("DROP TABLE IF EXISTS rollout.maintenance"));
}
