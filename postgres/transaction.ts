import pg, { type Client } from "pg";
import type { Lease } from "../steps/step.ts";

/** SQLSTATE of a server error, undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Settings by name; one that is a list of names (`search_path`) as a list. */
export type Settings = Record<string, string | string[]>;

export interface TransactionOptions {
  /** Fenced by it when given: every transaction that changes something hands it over. */
  lease?: Lease | undefined;
  /** Settings for this transaction alone (`SET LOCAL`), e.g. `{lock_timeout: "50ms"}`. */
  settings?: Settings;
  /** Isolation and access, e.g. `ISOLATION LEVEL REPEATABLE READ, READ ONLY`. */
  mode?: string;
}

/** `SET LOCAL name = value`: for this transaction alone. */
export function setLocal([name, value]: [string, string | string[]]): string {
  return `SET LOCAL ${name} = ${[value]
    .flat()
    .map((each) => pg.escapeLiteral(each))
    .join(", ")}`;
}

function beginText({ settings = {}, mode = "" }: TransactionOptions): string {
  const locals = Object.entries(settings).map(setLocal);
  // One simple query = one round trip, whatever the number of settings.
  return [`BEGIN ${mode}`, ...locals].join("; ");
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws.
 * With a lease the fence is the first thing in it, so that an orphan of a run that was taken over changes nothing.
 */
export async function inTransaction<T>(
  client: Client,
  options: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  await client.query(beginText(options));
  try {
    await options.lease?.fence(client);
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // A dead connection has rolled back already; its error must not hide the first one.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Runs `work` and undoes all of it, whatever happens: for trials that must never stay. */
export async function inDiscardedTransaction<T>(
  client: Client,
  options: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  await client.query(beginText(options));
  try {
    await options.lease?.fence(client);
    return await work();
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}
