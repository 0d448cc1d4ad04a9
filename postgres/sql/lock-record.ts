import type { Client } from "pg";

/** Weakest first, as PostgreSQL orders its table locks. */
const STRENGTH = [
  "RowShareLock",
  "RowExclusiveLock",
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock",
];

/** A lock mode in which transactions held the table, and for how long. */
export interface HeldLock {
  /** As SQL names it: `ACCESS EXCLUSIVE`. */
  mode: string;
  /** Transactions whose strongest lock on the table it was. */
  times: number;
  /** Longest of them from its BEGIN to its COMMIT: the lock was held no longer. */
  longestMs: number;
}

/** Transactions of one connection that are asked for their locks before those that only write rows are taken as alike. */
const ASKED = 50;
const CHANGES_CATALOGUE = /^\s*(LOCK|ALTER|CREATE|DROP|COMMENT|GRANT|REVOKE)\b/i;

const OWN_LOCKS =
  "SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = to_regclass($1) AND granted " +
  // A reader's lock is in nobody's way but that of DDL.
  "AND mode <> 'AccessShareLock'";

/** `AccessExclusiveLock` → `ACCESS EXCLUSIVE` */
const inSql = (mode: string) =>
  mode
    .replace(/Lock$/, "")
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toUpperCase();

/**
 * What transactions held on one table. Locks live until the end of their transaction, so asking just before COMMIT
 * misses none, however short.
 */
export class LockRecord {
  readonly #table: string;
  readonly #held = new Map<string, { times: number; longestMs: number }>();

  /** @param table quoted name. */
  constructor(table: string) {
    this.#table = table;
  }

  /** Strongest lock first. */
  get locks(): HeldLock[] {
    return [...this.#held]
      .sort(([a], [b]) => STRENGTH.indexOf(b) - STRENGTH.indexOf(a))
      .map(([mode, { times, longestMs }]) => ({ mode: inSql(mode), times, longestMs: Math.ceil(longestMs) }));
  }

  #note(mode: string, ms: number): void {
    const { times = 0, longestMs = 0 } = this.#held.get(mode) ?? {};
    this.#held.set(mode, { times: times + 1, longestMs: Math.max(longestMs, ms) });
  }

  /** Has the connection's transactions recorded from now on. Returns the same connection. */
  watch(client: Client): Client {
    const send = client.query.bind(client) as unknown as (...args: unknown[]) => Promise<unknown>;
    let [begun, asked, changes, last] = [0, 0, false, ""];
    const strongest = async (): Promise<string> => {
      if (asked >= ASKED && !changes) return last;
      asked += 1;
      const { rows } = (await send(OWN_LOCKS, [this.#table])) as { rows: { mode: string }[] };
      const modes = rows.map(({ mode }) => mode).sort((a, b) => STRENGTH.indexOf(b) - STRENGTH.indexOf(a));
      return modes[0] ?? "";
    };
    const commit = async (args: unknown[]) => {
      const mode = await strongest();
      const result = await send(...args);
      if (mode !== "") this.#note(mode, performance.now() - begun);
      if (!changes) last = mode;
      return result;
    };
    client.query = ((...args: unknown[]) => {
      const text = typeof args[0] === "string" ? args[0] : "";
      if (text.startsWith("BEGIN")) [begun, changes] = [performance.now(), false];
      if (text === "COMMIT") return commit(args);
      if (CHANGES_CATALOGUE.test(text)) changes = true;
      return send(...args);
    }) as typeof client.query;
    return client;
  }
}
