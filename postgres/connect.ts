import pg from "pg";
import { type Address, connectError, poolerReason, Refusal } from "./connect-error.ts";
import { unsupportedReason } from "./program-version.ts";
import { START_SETTINGS, setLaterSettings } from "./session-settings.ts";
import { sqlState } from "./transaction.ts";

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
}

const VERSION = `SELECT current_setting('server_version_num')::int AS version,
                        current_setting('server_version') AS "versionText"`;

/** @returns the server's version as a number. */
async function assertDirect(client: pg.Client): Promise<number> {
  const { rows } = await client.query<Session>(
    `${VERSION}, pg_backend_pid() AS pid, current_setting('search_path') AS path`,
  );
  const session = rows[0] as Session;
  if (announcedPid(client) !== session.pid)
    throw new Refusal(poolerReason("the backend is not the one announced"));
  if (session.path !== START_SETTINGS.search_path)
    throw new Refusal(poolerReason("session settings are not kept"));
  return session.version;
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

function newClient(url: string, options: ConnectOptions, settings: Readonly<Record<string, string>>) {
  const { connectionString, given } = takeOptions(url);
  const client = new pg.Client({
    connectionString,
    application_name: options.applicationName ?? APPLICATION_NAME,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    options: [given, ...Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)].join(" "),
  });
  // A connection that breaks while idle must not end the process; the next query on it throws.
  client.on("error", () => undefined);
  return client;
}

/** A server that lacks one of the settings may be too old: then that is the reason. Any other is the error itself. */
async function reasonOfRefusal(error: unknown, url: string, options: ConnectOptions): Promise<unknown> {
  if (sqlState(error) !== "42704") return error;
  const bare = newClient(url, options, {});
  try {
    await bare.connect();
    const { rows } = await bare.query<Pick<Session, "version" | "versionText">>(VERSION);
    const unsupported = unsupportedReason(rows[0]?.version ?? 0, rows[0]?.versionText ?? "");
    return unsupported ? new Refusal(unsupported) : error;
  } catch {
    return error;
  } finally {
    await bare.end().catch(() => undefined);
  }
}

/**
 * Opens a direct connection to the target with pinned settings; the caller ends it.
 * @param url Connection string of the target, a secret: no message holds its password.
 * @throws {StepError} naming host, port, database and remedy; also for a pooler in between.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<pg.Client> {
  const client = newClient(url, options, START_SETTINGS);
  try {
    await client.connect();
    await setLaterSettings(client, await assertDirect(client));
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(await reasonOfRefusal(error, url, options), addressOf(client));
  }
}
