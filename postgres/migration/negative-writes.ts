import type { Client } from "pg";
import { inDiscardedTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { quoteName, quoteText, showValue, subjectOf, tableName, unmapped } from "./change-sql.ts";

/** One write that the constraint has to refuse, and what came of it. */
export interface NegativeWrite {
  value: string | null;
  /** SQLSTATE of the refusal; null when the write went through. */
  sqlState: string | null;
  refused: boolean;
}

/** Check violation and NOT NULL violation: nothing else counts as the constraint's own refusal. */
const REFUSALS = ["23514", "23502"];

const CANDIDATES: (string | null)[] = ["rollout-negative-write", "invalid", "none", "?", "x", null];

/** Values that no rule maps and that are not allowed: the first two that fit the column, and NULL if it is one. */
async function readForbidden(client: Client, change: Change): Promise<(string | null)[]> {
  const { rows } = await client.query<{ value: string | null }>(
    `SELECT c.value FROM unnest($1::text[]) WITH ORDINALITY AS c (value, n), pg_attribute AS a
     WHERE a.attrelid = to_regclass($2) AND a.attname = $3 AND ${unmapped(change, "c.value")}
       AND (c.value IS NULL OR a.atttypmod < 4 OR length(c.value) <= a.atttypmod - 4) ORDER BY n`,
    [CANDIDATES, tableName(change), change.column],
  );
  const values = rows.map(({ value }) => value);
  return [
    ...values.filter((value) => value !== null).slice(0, 2),
    ...values.filter((value) => value === null),
  ];
}

/**
 * `INSERT … SELECT` of an existing row under its own key with a forbidden value, `ON CONFLICT DO NOTHING`. The
 * server checks constraints before it looks for the conflict: where the constraint stands it raises 23514, where it
 * is missing the key is taken and nothing gets in. So nothing could stay even if the transaction were committed;
 * all columns are given, so no sequence moves; all other columns are valid, so no other constraint can refuse it.
 */
export async function forbiddenInsert(client: Client, change: Change): Promise<string | undefined> {
  const table = tableName(change);
  const model = await client.query(`SELECT FROM ONLY ${table} LIMIT 1`);
  if (model.rowCount === 0) return undefined;
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [table],
  );
  const names = rows.map(({ name }) => quoteName(name)).join(", ");
  const values = rows
    .map(({ name }) => (name === change.column ? "%VALUE%" : `t.${quoteName(name)}`))
    .join(", ");
  return (
    `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${values} FROM ONLY ${table} AS t LIMIT 1 ON CONFLICT DO NOTHING`
  );
}

/** Runs the write and says what came of it. Where it failed, the transaction is the caller's to mend. */
export async function attemptWrite(
  client: Client,
  statement: string,
  value: string | null,
): Promise<NegativeWrite> {
  const literal = value === null ? "NULL" : quoteText(value);
  try {
    await client.query(statement.replace("%VALUE%", () => literal));
    return { value, sqlState: null, refused: false };
  } catch (error) {
    const code = sqlState(error) ?? "unknown";
    return { value, sqlState: code, refused: REFUSALS.includes(code) };
  }
}

/**
 * Tries writes that must be refused, each in a transaction that is always rolled back.
 * @returns undefined for an empty table, where there is no valid row to try with.
 */
export async function tryNegativeWrites(
  client: Client,
  change: Change,
): Promise<NegativeWrite[] | undefined> {
  const statement = await forbiddenInsert(client, change);
  if (!statement) return undefined;
  // Triggers of the application find its tables as in its own sessions.
  const settings = { lock_timeout: "1s", search_path: [change.schema, "public", "pg_catalog"] };
  const writes: NegativeWrite[] = [];
  for (const value of await readForbidden(client, change)) {
    const attempt = () => attemptWrite(client, statement, value);
    writes.push(await inDiscardedTransaction(client, { settings }, attempt));
  }
  return writes;
}

/** What went through though it should not have, for a message. */
export function describeAccepted(writes: NegativeWrite[], change: Change): string[] {
  return writes
    .filter(({ refused }) => !refused)
    .map(({ value, sqlState: code }) =>
      code === null
        ? `${subjectOf(change)} accepted ${showValue(value)} (the trial was rolled back)`
        : `the trial with ${showValue(value)} failed for another reason, SQLSTATE ${code}`,
    );
}
