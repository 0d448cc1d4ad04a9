import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Change } from "../migration/change.ts";
import { quoteName, subjectOf, tableName } from "../migration/change-sql.ts";
import { sqlState } from "../transaction.ts";

/** What PostgreSQL says of a text that is no value of a type: invalid text, out of range, a bad date. */
const NO_VALUE = ["22P02", "22003", "22007", "22008"];

/**
 * The whole row of a key, as JSON text. PostgreSQL itself reads the key as a value of the column's type.
 * @throws {StepError} for a key that is none of that type, or that no row has.
 */
export async function readDealRow(client: Client, change: Change, key: string): Promise<string> {
  const column = `t.${quoteName(change.key)}`;
  const found = await client
    .query<{ row: string }>(
      `SELECT to_json(t.*)::text AS row FROM ${tableName(change)} AS t WHERE ${column} = $1`,
      [key],
    )
    .catch((error) => {
      if (!NO_VALUE.includes(sqlState(error) ?? "")) throw error;
      throw new StepError(
        `investigate: expected a value of ${subjectOf({ ...change, column: change.key })} as the deal's key, got ${JSON.stringify(key)}. Correct it.`,
        { cause: error },
      );
    });
  const row = found.rows[0]?.row;
  if (row !== undefined) return row;
  throw new StepError(
    `investigate: expected a deal ${JSON.stringify(key)} in ${change.schema}.${change.table}, got none. Correct the key; a deal that was deleted has no row to look at.`,
  );
}
