import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { sqlState } from "../transaction.ts";

const EVERY_MS = 5;

/** The lock that every INSERT, UPDATE and DELETE asks for first; nothing is written. Both times are the server's. */
const probe = (table: string) => `BEGIN;
  SELECT extract(epoch FROM clock_timestamp()) * 1000 AS at;
  LOCK TABLE ONLY ${table} IN ROW EXCLUSIVE MODE;
  SELECT extract(epoch FROM clock_timestamp()) * 1000 AS at;
  ROLLBACK`;

async function waitOnce(client: Client, table: string): Promise<number> {
  try {
    // Several statements in one message: an array of results, which the driver's types do not know.
    const results = (await client.query(probe(table))) as unknown as { rows: { at: string }[] }[];
    const [asked, got] = [results[1], results[3]].map((result) => Number(result?.rows[0]?.at));
    return (got ?? 0) - (asked ?? 0);
  } catch (error) {
    await client.query("ROLLBACK");
    if (sqlState(error) !== "55P03") throw error;
    const { rows } = await client.query<{ ms: string }>(
      "SELECT setting AS ms FROM pg_settings WHERE name = 'lock_timeout'",
    );
    return Number(rows[0]?.ms);
  }
}

/**
 * Asks for a writer's table lock again and again, on a connection of its own, until stopped.
 * @param table quoted name.
 * @returns how long the longest request waited, milliseconds.
 */
export function watchWriterWaits(client: Client, table: string): { stop(): Promise<number> } {
  let stopped = false;
  let longest = 0;
  const watching = (async () => {
    while (!stopped) {
      longest = Math.max(longest, await waitOnce(client, table));
      await sleep(EVERY_MS);
    }
  })();
  // Told at the stop; until then nobody listens.
  watching.catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      await watching;
      return Math.ceil(longest);
    },
  };
}
