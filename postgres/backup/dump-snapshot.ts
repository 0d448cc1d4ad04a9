import type { Client } from "pg";
import { inDiscardedTransaction } from "../transaction.ts";
import {
  checksumLargeObjects,
  checksumTable,
  type LargeObjectChecksum,
  type TableChecksum,
  TEXT_SETTINGS,
} from "./dump-checksums.ts";
import { type DumpTable, type Inventory, qualified, readInventory } from "./dump-inventory.ts";

/** One moment of the database, held open so that a dump and our own sums show the same rows. */
export interface Snapshot {
  /** Name for `pg_dump --snapshot`. */
  id: string;
  /** UTC, by the database's clock. */
  takenAt: string;
  inventory: Inventory;
}

export interface SnapshotOptions {
  lockWaitTimeoutMs: number;
}

/** Locks as a dump does (ACCESS SHARE), so that no table is dropped or rebuilt between the list and the dump. */
async function lockTables(client: Client, tables: readonly DumpTable[]): Promise<void> {
  for (let first = 0; first < tables.length; first += 500) {
    const names = tables.slice(first, first + 500).map((table) => `ONLY ${qualified(table)}`);
    await client.query(`LOCK TABLE ${names.join(", ")} IN ACCESS SHARE MODE`);
  }
}

/** Runs `work` with an exported snapshot. Reads only; the transaction is discarded at the end. */
export function withSnapshot<T>(
  client: Client,
  { lockWaitTimeoutMs }: SnapshotOptions,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const settings = {
    ...TEXT_SETTINGS,
    lock_timeout: `${lockWaitTimeoutMs}ms`,
    // The step's own deadline bounds it; the session waits idle while pg_dump still works.
    statement_timeout: "0",
    idle_in_transaction_session_timeout: "0",
  };
  const mode = "ISOLATION LEVEL REPEATABLE READ, READ ONLY";
  return inDiscardedTransaction(client, { mode, settings }, async () => {
    const { rows } = await client.query<{ id: string; at: string }>(
      `SELECT pg_export_snapshot() AS id,
              to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`,
    );
    const { id, at } = rows[0] as { id: string; at: string };
    const inventory = await readInventory(client);
    await lockTables(client, inventory.tables);
    return work({ id, takenAt: at, inventory });
  });
}

/** Sums of everything that the snapshot shows. */
export async function checksumSnapshot(
  client: Client,
  { inventory }: Snapshot,
  signal: AbortSignal,
): Promise<{ tables: TableChecksum[]; largeObjects: LargeObjectChecksum }> {
  // Ending the session is what interrupts a sum over a large table.
  const interrupt = () => void client.end().catch(() => undefined);
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    const tables: TableChecksum[] = [];
    for (const table of inventory.tables) {
      signal.throwIfAborted();
      tables.push(await checksumTable(client, table));
    }
    return { tables, largeObjects: await checksumLargeObjects(client) };
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}
