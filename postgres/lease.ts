import { randomBytes } from "node:crypto";
import type { Client, QueryResult } from "pg";
import { StepError } from "../errors/step-error.ts";
import type { Lease } from "../steps/step.ts";
import { ensureRolloutSchema } from "./rollout-schema.ts";
import { AS_LOGIN_ROLE } from "./session-role.ts";
import { inDiscardedTransaction, inTransaction, sqlState } from "./transaction.ts";

export { ensureRolloutSchema } from "./rollout-schema.ts";

/** Someone else took the lease over: this process must not change the database any more. */
export class LeaseLost extends StepError {
  override name = "LeaseLost";
}

const HEARTBEAT_MS = 5_000;
/** Six missed beats, by the database's clock. */
const STALE_SECONDS = 30;

export interface LeaseOptions {
  /** Who asks, for the person who is refused: "stack sandbox, step expand, host a, process 17". */
  holder: string;
  log(line: string): void;
}

export interface HeldLease extends Lease {
  /** Gives the lease back and closes its connection; drops schema `rollout` when it holds nothing else. */
  release(): Promise<void>;
}

/** `backendStart`: when the session that asks began. */
type Asker = LeaseOptions & { backendStart: string };

interface Standing {
  token: string;
  holder: string;
  since: string;
  pid: number;
  backendStart: string;
  stale: boolean;
}

const STANDING = `
  SELECT token, holder, to_char(acquired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
         pid, backend_start::text AS "backendStart",
         heartbeat_at < clock_timestamp() - make_interval(secs => ${STALE_SECONDS}) AS stale
  FROM rollout.lease`;

const BACKEND_START = `
  SELECT a.backend_start::text AS "backendStart" FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()`;

/** Another user's backend_start may be hidden (NULL): then only the heartbeat can tell. */
const ALIVE = `
  SELECT FROM pg_stat_activity AS a
  WHERE a.pid = $1 AND coalesce(a.backend_start, $2::timestamptz) = $2::timestamptz`;

const askAsLoginRole = (client: Client, sql: string, values: unknown[] = []): Promise<QueryResult> =>
  inDiscardedTransaction(client, { settings: AS_LOGIN_ROLE }, () => client.query(sql, values));

async function isFree(client: Client, { pid, backendStart, stale }: Standing): Promise<boolean> {
  if (stale) return true;
  const alive = await askAsLoginRole(client, ALIVE, [pid, backendStart]);
  return alive.rowCount === 0;
}

async function readBackendStart(client: Client): Promise<string> {
  const { rows } = await askAsLoginRole(client, BACKEND_START);
  return rows[0]?.backendStart;
}

/** $3 is when this session began. */
const SELF = "pg_backend_pid(), $3::timestamptz, clock_timestamp(), clock_timestamp()";

// The transaction number never goes back, not even when schema `rollout` is dropped in between.
const TOKEN = "lpad(pg_current_xact_id()::text, 20, '0') || '-' || $1::text";

/** Takes an absent lease, or one whose holder is gone. Undefined when somebody was faster or holds it. */
async function takeToken(client: Client, options: Asker): Promise<string | Standing> {
  const self = [randomBytes(12).toString("hex"), options.holder, options.backendStart];
  const fresh = await client.query<{ token: string }>(
    `INSERT INTO rollout.lease VALUES (1, ${TOKEN}, $2, ${SELF}) ON CONFLICT DO NOTHING RETURNING token`,
    self,
  );
  if (fresh.rows[0]) return fresh.rows[0].token;
  const standing = (await client.query<Standing>(STANDING)).rows[0];
  if (!standing) return takeToken(client, options);
  if (!(await isFree(client, standing))) return standing;
  options.log(`lease: ${standing.holder} is gone (held since ${standing.since}), taking over`);
  // Changes the key, so it waits until the transactions that hold FOR KEY SHARE have ended.
  const taken = await client.query<{ token: string }>(
    `UPDATE rollout.lease SET (token, holder, pid, backend_start, acquired_at, heartbeat_at)
       = ROW (${TOKEN}, $2, ${SELF}) WHERE token = $4 RETURNING token`,
    [...self, standing.token],
  );
  return taken.rows[0]?.token ?? takeToken(client, options);
}

function stillAtWork(client: Client): StepError {
  return new StepError(
    `lease: expected the last transaction of the run before to end on database ${client.database}, ` +
      "got one that is still at work (validating a constraint, most likely). Run again in a moment.",
  );
}

async function takeOrRefuse(client: Client, options: Asker): Promise<string> {
  await ensureRolloutSchema(client);
  const taken = await takeToken(client, options).catch((error: unknown) => {
    // The holder before us dropped the schema while we waited for it.
    if (["42P01", "3F000"].includes(sqlState(error) ?? "")) return undefined;
    if (sqlState(error) === "55P03") throw stillAtWork(client);
    throw error;
  });
  if (taken === undefined) return takeOrRefuse(client, options);
  if (typeof taken === "string") return taken;
  throw new StepError(
    `lease: expected no other run on database ${client.database}, ` +
      `another run holds the lease: ${taken.holder}, since ${taken.since}. Wait for it, or end it and run again.`,
  );
}

/** Drops a schema that holds neither a journal nor a change: a refused run leaves no trace. */
async function releaseToken(client: Client, token: string): Promise<void> {
  await inTransaction(client, { settings: { lock_timeout: "5s" } }, async () => {
    const mine = await client.query("DELETE FROM rollout.lease WHERE token = $1", [token]);
    const { rows } = await client.query("SELECT to_regclass('rollout.change') AS change");
    if (mine.rowCount === 1 && !rows[0]?.change) await client.query("DROP SCHEMA rollout CASCADE");
  });
}

/** Asks who we are before anything is made: a session that may not know leaves no schema behind. */
async function take(client: Client, options: LeaseOptions): Promise<string> {
  return takeOrRefuse(client, { ...options, backendStart: await readBackendStart(client) });
}

/**
 * Takes the one lease on the target database (database clock, no advisory lock).
 * Takes over from a holder whose backend is gone or whose heartbeat is older than 30 s.
 * @throws {StepError} when another live run holds it.
 */
export async function acquireLease(
  connect: () => Promise<Client>,
  options: LeaseOptions,
): Promise<HeldLease> {
  const client = await connect();
  let lost: string | undefined;
  client.on("error", (error) => {
    lost = error.message;
  });
  const token = await take(client, options).catch(async (error) => {
    await client.end();
    throw error;
  });
  const beat = setInterval(() => {
    client
      .query("UPDATE rollout.lease SET heartbeat_at = clock_timestamp() WHERE token = $1", [token])
      // Nothing to report here: the next fence is what stops this process.
      .catch(() => undefined);
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    token,
    fence: (worker) => fenceToken(worker, token, lost),
    release: async () => {
      clearInterval(beat);
      await releaseToken(client, token).catch((error: unknown) => {
        if (lost || ["42P01", "3F000"].includes(sqlState(error) ?? "")) return;
        options.log(`lease: not given back (${(error as Error).message}); the next run takes it over`);
      });
      await client.end().catch(() => undefined);
    },
  };
}

async function fenceToken(client: Client, token: string, lost: string | undefined): Promise<void> {
  const held = await client
    .query("SELECT FROM rollout.lease WHERE id = 1 AND token = $1 FOR KEY SHARE", [token])
    .catch((error: unknown) => {
      if (["42P01", "3F000"].includes(sqlState(error) ?? "")) return { rowCount: 0 };
      throw error;
    });
  if (held.rowCount === 1 && lost === undefined) return;
  throw new LeaseLost(
    `lease: expected this run to hold the lease, got ${lost ? `a lost connection (${lost})` : "another holder"}. ` +
      "Nothing more is changed by this run; run again to finish or to undo.",
  );
}
