import type { Client } from "pg";
import { sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { showValue } from "./change-sql.ts";

/** SQLSTATE of a letter that the database's encoding does not have. */
const UNTRANSLATABLE = "22P05";

async function isKnown(client: Client, values: readonly string[]): Promise<boolean> {
  try {
    await client.query("SELECT $1::text[]", [values]);
    return true;
  } catch (error) {
    if (sqlState(error) !== UNTRANSLATABLE) throw error;
    return false;
  }
}

/** Values of the change with letters that the database's encoding does not have: no row can hold them. */
export async function encodingBlockers(client: Client, { allowed, normalise }: Change): Promise<string[]> {
  const values = [...allowed, ...Object.keys(normalise.spellings)];
  if (await isKnown(client, values)) return [];
  const unknown: string[] = [];
  for (const value of values) if (!(await isKnown(client, [value]))) unknown.push(showValue(value));
  const { rows } = await client.query<{ encoding: string }>(
    "SELECT current_setting('server_encoding') AS encoding",
  );
  return [
    `expected every value of change.allowed and change.normalise in the database's encoding ${rows[0]?.encoding}, ` +
      `got ${unknown.join(", ")}, which no row of it can hold. Take it out, or spell it otherwise.`,
  ];
}
