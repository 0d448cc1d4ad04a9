import type { Client } from "pg";

/**
 * What the database remembers once the normaliser is off: written and removed in the transaction that takes it off or
 * puts it back, so the two never disagree, whenever a run is killed. While it stands, contract owns the normaliser.
 */
export interface ContractRecord {
  /** UTC, ISO 8601. */
  since: string;
}

/** Writes it. To be called in the transaction that drops the trigger. */
export async function openContract(client: Client): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS rollout.contract (
      id integer PRIMARY KEY CHECK (id = 1),
      since timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    INSERT INTO rollout.contract (id) VALUES (1) ON CONFLICT (id) DO NOTHING`);
}

/** Undefined while the normaliser is expand's. */
export async function readContract(client: Client): Promise<ContractRecord | undefined> {
  const there = await client.query<{ there: boolean }>(
    "SELECT to_regclass('rollout.contract') IS NOT NULL AS there",
  );
  if (!there.rows[0]?.there) return undefined;
  const { rows } = await client.query<{ since: Date }>("SELECT since FROM rollout.contract");
  return rows[0] && { since: rows[0].since.toISOString() };
}

/** Removes it. To be called in the transaction that puts the trigger back. */
export async function closeContract(client: Client): Promise<void> {
  await client.query("DROP TABLE IF EXISTS rollout.contract");
}
