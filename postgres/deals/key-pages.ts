import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Change } from "../migration/change.ts";
import { quoteName, rowText, tableName } from "../migration/change-sql.ts";
import { sqlState } from "../transaction.ts";

/** Waits between attempts to reach a database that went away, milliseconds. */
const PAUSES_MS = [500, 1_000, 2_000, 5_000, 10_000];

/** True for what a new connection may mend: a restart, a failover, a cut line. */
function isBroken(error: unknown): boolean {
  // A refused connection hides the server's word in its cause.
  const state = sqlState(error instanceof StepError ? error.cause : error);
  return state === undefined || /^(08|57P)/.test(state);
}

/** A row as a snapshot knows it. */
export interface KeyedRow {
  key: string;
  /** Value of the change's column. */
  type: string | null;
  /** Short digest of its other columns: another one says that somebody edited the row. */
  row: string;
}

/** What of a row the digest leaves out: the changed column, and what triggers write whenever a row is touched. */
export interface RowDigest {
  ignoredColumns: readonly string[];
}

/** Expression: the digest of a row of `t`, of these columns. */
const digestOf = (columns: readonly string[]) =>
  `left(encode(sha256(convert_to(${rowText("t", columns)}, 'UTF8')), 'hex'), 16)`;

/**
 * Reads the keys of a table page by page in the key's own order, each page by a query of its own: no transaction
 * stays open however long the work on a page takes. Read-only, and it goes on after a restart of the server.
 */
export class KeyReader {
  readonly #connect: () => Promise<Client>;
  readonly #change: Change;
  readonly #signal: AbortSignal;
  readonly #left: string[];
  #client: Promise<Client> | undefined;
  #reached = false;

  constructor(
    connect: () => Promise<Client>,
    change: Change,
    signal: AbortSignal,
    { ignoredColumns }: RowDigest = { ignoredColumns: [] },
  ) {
    this.#connect = connect;
    this.#change = change;
    this.#signal = signal;
    this.#left = [change.column, ...ignoredColumns];
  }

  /** Up to `limit` rows after the key `after` (from the first on without it), as texts. */
  async readPage(after: string | undefined, limit: number): Promise<KeyedRow[]> {
    const key = `t.${quoteName(this.#change.key)}`;
    const where = after === undefined ? "" : `WHERE ${key} > $2`;
    return this.#query<KeyedRow>(
      `SELECT ${await this.#columns()} FROM ${tableName(this.#change)} AS t ${where} ORDER BY ${key} LIMIT $1`,
      [limit, ...(after === undefined ? [] : [after])],
    );
  }

  /** The rows of these keys that are there now, in no order. */
  async readRows(keys: readonly string[]): Promise<KeyedRow[]> {
    const key = `t.${quoteName(this.#change.key)}`;
    return this.#query<KeyedRow>(
      `SELECT ${await this.#columns()} FROM ${tableName(this.#change)} AS t WHERE ${key} = ANY ($1)`,
      [keys],
    );
  }

  /** Names of the columns that the digest is of: it tells of an edit only while these stay the same. */
  async readColumns(): Promise<string[]> {
    const rows = await this.#query<{ name: string }>(
      `SELECT attname::text AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
       AND NOT attisdropped AND attname <> ALL ($2) ORDER BY attname COLLATE "C"`,
      [tableName(this.#change), this.#left],
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Now, by the database: the transaction number from which on `readWritten` tells what was written, and its clock, which
   * is the one to compare columns of the table with: this machine's may be hours off.
   */
  async readMoment(): Promise<{ moment: string; clock: string }> {
    const [row] = await this.#query<{ moment: string; clock: string }>(
      "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS moment, clock_timestamp()::text AS clock",
      [],
    );
    return row as { moment: string; clock: string };
  }

  /**
   * Keys of the rows that were written since a moment, with the same values as well: a row that was changed and changed
   * back looks as it did. Transaction numbers wrap; what was written that long ago may count as written since.
   */
  async readWritten(keys: readonly string[], moment: string): Promise<string[]> {
    const key = `t.${quoteName(this.#change.key)}`;
    const rows = await this.#query<{ key: string }>(
      `WITH now AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS next)
       SELECT ${key}::text AS key FROM ${tableName(this.#change)} AS t, now AS n
       WHERE ${key} = ANY ($1)
         AND mod(mod(n.next, 4294967296) - t.xmin::text::numeric + 4294967296, 4294967296) <= n.next - $2::numeric`,
      [keys, moment],
    );
    return rows.map((row) => row.key);
  }

  async #columns(): Promise<string> {
    const { key, column } = this.#change;
    const digest = digestOf(await this.readColumns());
    return `t.${quoteName(key)}::text AS key, t.${quoteName(column)}::text AS type, ${digest} AS row`;
  }

  /** Whether the table holds a row of this key. */
  async has(key: string): Promise<boolean> {
    const name = `t.${quoteName(this.#change.key)}`;
    const text = `SELECT true AS found FROM ${tableName(this.#change)} AS t WHERE ${name} = $1 LIMIT 1`;
    return (await this.#query(text, [key])).length > 0;
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.then((open) => open.end()).catch(() => undefined);
  }

  async #query<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    for (let attempt = 0; ; attempt += 1) {
      // One connection for all callers, also while it is being opened.
      this.#client ??= this.#openReadOnly();
      const used = this.#client;
      try {
        return (await (await used).query<Row>(text, values)).rows;
      } catch (error) {
        if (this.#client === used && isBroken(error)) await this.end();
        const pause = PAUSES_MS[attempt];
        // A database that was never reached is a matter of configuration: said at once.
        if (!this.#reached || !isBroken(error) || pause === undefined) throw error;
        await sleep(pause, undefined, { signal: this.#signal });
      }
    }
  }

  async #openReadOnly(): Promise<Client> {
    const client = await this.#connect();
    await client.query("SET default_transaction_read_only = on");
    this.#reached = true;
    return client;
  }
}
