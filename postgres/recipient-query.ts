import type { Client } from "pg";
import { inTransaction } from "./transaction.ts";

/** A query of recipients that can't be used. The message holds no value of a row. */
export class RecipientQueryError extends Error {
  override name = "RecipientQueryError";
}

const READ_ONLY = { mode: "READ ONLY", settings: { statement_timeout: "10s" } };

/** Syntax and names (class 42), a write, the time limit: what these say holds no row. */
const TELLS_NO_ROW = /^(42|0A000|25006|57014)/;

function readable(error: unknown): unknown {
  const { code = "", message } = error as { code?: string; message: string };
  if (code === "") return error;
  const said = TELLS_NO_ROW.test(code) ? `${message} (${code})` : `error ${code}`;
  const hint = code === "42P01" ? "; names need their schema, e.g. public.users" : "";
  return new RecipientQueryError(`${said}${hint}`);
}

/**
 * The one column of a configured SELECT: read-only, within a time limit, at most `limit` + 1 rows. A statement with a
 * parameter goes by the extended protocol, which takes just one: nothing can be appended that ends the transaction.
 * @throws {RecipientQueryError} for a query that fails or gives another number of columns than one.
 */
export async function queryRecipients(client: Client, query: string, limit: number): Promise<unknown[]> {
  const text = `SELECT * FROM (${query.trim().replace(/;+$/, "")}\n) AS recipients LIMIT $1`;
  try {
    const { rows, fields } = await inTransaction(client, READ_ONLY, () =>
      client.query<unknown[]>({ text, values: [limit + 1], rowMode: "array" }),
    );
    if (fields.length === 1) return rows.map(([value]) => value);
    throw new RecipientQueryError(`${fields.length} columns instead of one`);
  } catch (error) {
    throw readable(error);
  }
}
