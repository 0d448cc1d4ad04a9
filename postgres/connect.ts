import pg from "pg";
import { type Address, connectError, poolerReason } from "./connect-error.ts";

/** Oldest server that is supported: client_connection_check_interval came with it. */
const MIN_VERSION = 140_000;

/**
 * Sent in the start-up packet, so they hold from the first statement and nothing leaks into a pool.
 * search_path: names in our statements are qualified, everything else is PostgreSQL's own.
 * client_connection_check_interval: the statement of a killed client ends instead of running on.
 */
const SETTINGS: Record<string, string> = {
  search_path: "pg_catalog,pg_temp",
  client_connection_check_interval: "2s",
  idle_in_transaction_session_timeout: "5min",
  lock_timeout: "10s",
  // A limit that the role was given for its ordinary work would end VALIDATE half-way.
  statement_timeout: "0",
  idle_session_timeout: "0",
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  row_security: "off",
  default_transaction_isolation: "read\\ committed",
  default_transaction_deferrable: "off",
};

/** How our sessions are called in pg_stat_activity: what tells them from those of the application. */
export const APPLICATION_NAME = "deal-type-rollout";

export interface ConnectOptions {
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** Longest time until the connection stands. */
  connectTimeoutMs?: number;
}

function addressOf(client: pg.Client): Address {
  const { host, port, user, database } = client;
  return { host, port, user: user ?? "", database: database ?? "" };
}

/** The protocol's own process id, as the peer gave it at start-up: a pooler invents one. */
function announcedPid(client: pg.Client): number | undefined {
  return (client as unknown as { processID?: number | null }).processID ?? undefined;
}

interface Session {
  pid: number;
  path: string;
  version: number;
  versionText: string;
  standby: boolean;
}

async function assertDirect(client: pg.Client): Promise<void> {
  const { rows } = await client.query<Session>(
    `SELECT pg_backend_pid() AS pid, current_setting('search_path') AS path, pg_is_in_recovery() AS standby,
            current_setting('server_version_num')::int AS version,
            current_setting('server_version') AS "versionText"`,
  );
  const session = rows[0] as Session;
  if (session.version < MIN_VERSION) {
    throw new Error(
      `PostgreSQL ${session.versionText}; 14 is the oldest supported. Upgrade the server first`,
    );
  }
  if (announcedPid(client) !== session.pid)
    throw new Error(poolerReason("the backend is not the one announced"));
  if (session.path !== SETTINGS.search_path) throw new Error(poolerReason("session settings are not kept"));
}

/** The driver lets `options` of the connection string replace ours: they are joined instead, ours come last. */
function takeOptions(url: string): { connectionString: string; given: string } {
  if (!URL.canParse(url)) return { connectionString: url, given: "" };
  const parsed = new URL(url);
  const given = parsed.searchParams.get("options") ?? "";
  if (given === "") return { connectionString: url, given };
  parsed.searchParams.delete("options");
  return { connectionString: parsed.href, given };
}

/**
 * Opens a direct connection to the target with pinned settings; the caller ends it.
 * @param url Connection string of the target, a secret: no message holds its password.
 * @throws {StepError} naming host, port, database and remedy; also for a pooler in between.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<pg.Client> {
  const { connectionString, given } = takeOptions(url);
  const settings = Object.entries(SETTINGS).map(([name, value]) => `-c ${name}=${value}`);
  const client = new pg.Client({
    connectionString,
    application_name: options.applicationName ?? APPLICATION_NAME,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    options: [given, ...settings].join(" "),
  });
  // A connection that breaks while idle must not end the process; the next query on it throws.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await assertDirect(client);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(error, addressOf(client));
  }
}
