import type { Client } from "pg";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";

/**
 * The whole database but for where its own sequences stand: the smoke test of phase 1 draws numbers for the deal that
 * it creates and removes, and PostgreSQL gives no number back.
 */
export async function databaseAtRest(client: Client) {
  const { schema, rows } = await snapshotDatabase(client);
  const tables = Object.entries(rows).filter(([name]) => !/_id_seq$/.test(name));
  return { schema, rows: Object.fromEntries(tables) };
}
