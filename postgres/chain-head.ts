import type { Client } from "pg";

/** Last record of the evidence chain that the database knows of. */
export interface ChainHead {
  /** Number of the record. */
  seq: number;
  /** Its SHA-256, hex. */
  hash: string;
}

async function hasChainHead(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('rollout.chain_head') IS NOT NULL AS there",
  );
  return rows[0]?.there ?? false;
}

/** The chain's head for this stack; undefined when none was written or schema `rollout` is absent. */
export async function readChainHead(client: Client, stack: string): Promise<ChainHead | undefined> {
  if (!(await hasChainHead(client))) return undefined;
  const { rows } = await client.query<{ seq: string; hash: string }>(
    "SELECT seq, hash FROM rollout.chain_head WHERE stack = $1",
    [stack],
  );
  return rows[0] && { seq: Number(rows[0].seq), hash: rows[0].hash };
}

/** Stores the chain's head. Does nothing when schema `rollout` is absent: from then on the evidence stands alone. */
export async function writeChainHead(client: Client, stack: string, head: ChainHead): Promise<void> {
  if (!(await hasChainHead(client))) return;
  await client.query(
    `INSERT INTO rollout.chain_head AS head (stack, seq, hash) VALUES ($1, $2, $3)
     ON CONFLICT (stack) DO UPDATE
       SET seq = EXCLUDED.seq, hash = EXCLUDED.hash, written_at = clock_timestamp()`,
    [stack, head.seq, head.hash],
  );
}
