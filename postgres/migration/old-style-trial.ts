import type { Client } from "pg";
import type { Change } from "./change.ts";
import { oldStyle, tableName } from "./change-sql.ts";
import { attemptWrite, forbiddenInsert, type NegativeWrite } from "./negative-writes.ts";

const VALUES_TRIED = 5;

/** Old spellings that fit the column, NULL first if a rule maps it. */
async function readOldValues(client: Client, change: Change): Promise<(string | null)[]> {
  const { rows } = await client.query<{ value: string | null }>(
    `SELECT c.value FROM unnest($1::text[]) WITH ORDINALITY AS c (value, n), pg_attribute AS a
     WHERE a.attrelid = to_regclass($2) AND a.attname = $3 AND ${oldStyle(change, "c.value")}
       AND (c.value IS NULL OR a.atttypmod < 4 OR length(c.value) <= a.atttypmod - 4) ORDER BY n LIMIT ${VALUES_TRIED}`,
    [[null, ...Object.keys(change.normalise.spellings)], tableName(change), change.column],
  );
  return rows.map(({ value }) => value);
}

async function tryValue(client: Client, statement: string, value: string | null): Promise<NegativeWrite> {
  await client.query("SAVEPOINT trial");
  try {
    return await attemptWrite(client, statement, value);
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT trial; RELEASE SAVEPOINT trial");
  }
}

/**
 * Tries old-style writes as `tryNegativeWrites` tries forbidden ones, each in a savepoint that is rolled back. To be
 * called in the transaction that took the normaliser off, so that nothing is committed unless all are refused.
 * @returns undefined for an empty table, where there is no valid row to try with.
 */
export async function tryOldStyleWrites(
  client: Client,
  change: Change,
): Promise<NegativeWrite[] | undefined> {
  const statement = await forbiddenInsert(client, change);
  if (!statement) return undefined;
  const writes: NegativeWrite[] = [];
  for (const value of await readOldValues(client, change))
    writes.push(await tryValue(client, statement, value));
  return writes;
}
