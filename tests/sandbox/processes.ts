import pg from "pg";
import { sandboxStatus } from "../../sandbox/index.ts";

/** Rows of one statement, by a connection of its own. */
export async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Process ids of everything that its hosts run, in order. */
export const pidsOf = async (checkout: string): Promise<number[]> =>
  (await sandboxStatus({ checkout })).hosts
    .flatMap(({ units }) => units.flatMap(({ processes }) => processes.map(({ pid }) => pid)))
    .sort((a, b) => a - b);
