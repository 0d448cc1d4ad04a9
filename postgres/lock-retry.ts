import type { Client } from "pg";
import { StepError } from "../errors/step-error.ts";
import type { Lease } from "../steps/step.ts";
import { lineTurns } from "../system/progress.ts";
import { pause } from "./pause.ts";
import { inTransaction, type Settings, sqlState } from "./transaction.ts";

export interface TableLock {
  /** Quoted name of the table. */
  table: string;
  mode: "SHARE ROW EXCLUSIVE" | "ACCESS EXCLUSIVE";
  /** Longest time that writers may queue behind this request. */
  lockTimeoutMs: number;
  lease?: Lease | undefined;
  settings?: Settings;
  signal: AbortSignal;
  log(line: string): void;
}

/** Long enough for an ordinary autovacuum to be cancelled (deadlock_timeout, 1 s by default). */
const PRE_LOCK_TIMEOUT = "3s";

/** lock_timeout, deadlock: someone else was in the way, nothing has happened. */
export function wasInTheWay(error: unknown): boolean {
  return ["55P03", "40P01"].includes(sqlState(error) ?? "");
}

interface Holder {
  pid: number;
  who: string;
  seconds: number | null;
  wraparound: boolean;
}

/** Sessions that hold a lock on the table, longest first. */
export async function lockHolders(client: Client, table: string): Promise<Holder[]> {
  const { rows } = await client.query<Holder>(
    `SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.usename, a.backend_type) AS who,
            round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds,
            coalesce(a.backend_type = 'autovacuum worker' AND a.query LIKE '%to prevent wraparound%', false)
              AS wraparound
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.relation = to_regclass($1) AND l.database = (SELECT oid FROM pg_database
             WHERE datname = current_database()) AND l.granted AND a.pid <> pg_backend_pid()
     ORDER BY seconds DESC NULLS LAST LIMIT 5`,
    [table],
  );
  return rows;
}

export const describeHolders = (holders: readonly Holder[]): string =>
  holders.map(({ pid, who, seconds }) => `${who} (pid ${pid}, ${seconds ?? "?"} s)`).join(", ");

/** Says who is in the way. @throws {StepError} for one that never gives way. */
async function explainWait(client: Client, lock: TableLock, say: boolean): Promise<void> {
  const holders = await lockHolders(client, lock.table);
  const stubborn = holders.find((holder) => holder.wraparound);
  if (stubborn) {
    throw new StepError(
      `postgres: expected a lock on ${lock.table}, got an autovacuum to prevent wraparound (pid ${stubborn.pid}), ` +
        "which never gives way. Let it finish, then run again.",
    );
  }
  if (!say) return;
  const who = describeHolders(holders);
  lock.log(
    `waiting for ${lock.mode} on ${lock.table}, without making writers wait; held up by ${who || "nobody now"}`,
  );
}

/** How a strong lock is asked for, one statement after the other: what runs, and what the review judges. */
export function lockStatements({
  table,
  mode,
  lockTimeoutMs,
}: Pick<TableLock, "table" | "mode" | "lockTimeoutMs">): string[] {
  return [
    // Leaves readers and writers alone, but makes an autovacuum give way, which the short timeout below never would.
    `SET LOCAL lock_timeout = '${PRE_LOCK_TIMEOUT}'`,
    `LOCK TABLE ONLY ${table} IN SHARE UPDATE EXCLUSIVE MODE`,
    `SET LOCAL lock_timeout = '${lockTimeoutMs}ms'`,
    `LOCK TABLE ONLY ${table} IN ${mode} MODE`,
  ];
}

/**
 * Runs `work` in a transaction that holds a strong lock on the table. Writers queue behind the request for
 * `lockTimeoutMs` at most; then it gives way and tries again, with jitter, until `signal` ends it.
 * `work` must be catalogue changes only: its own time is a time in which writers wait.
 */
export async function withTableLock<T>(client: Client, lock: TableLock, work: () => Promise<T>): Promise<T> {
  const { lease, settings = {} } = lock;
  const isDue = lineTurns(0);
  for (let attempt = 1; ; attempt += 1) {
    lock.signal.throwIfAborted();
    try {
      return await inTransaction(client, { lease, settings }, async () => {
        for (const statement of lockStatements(lock)) await client.query(statement);
        return work();
      });
    } catch (error) {
      if (!wasInTheWay(error)) throw error;
    }
    await explainWait(client, lock, isDue());
    // Writers that queued get through in between: at most about half of any second is waited for a lock.
    await pause(lock.lockTimeoutMs + Math.random() * Math.min(1_000, 100 * attempt), lock.signal);
  }
}
