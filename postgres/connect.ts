import type pg from "pg";
import { poolerReason, Refusal } from "./connect-error.ts";
import { type ConnectionWords, readConnectionWords } from "./connection-words.ts";
import { type Opening, openConnection } from "./open-connection.ts";
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

/** Settings as a server takes them at the start of a session. Ours come last. */
const startOptions = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");

/** A server that lacks one of the settings may be too old: then that is the reason. Any other is the error itself. */
async function assertVersion(words: ConnectionWords, opening: Opening): Promise<void> {
  const bare = await openConnection(words, opening, async (client) => {
    const { rows } = await client.query<Pick<Session, "version" | "versionText">>(VERSION);
    const unsupported = unsupportedReason(rows[0]?.version ?? 0, rows[0]?.versionText ?? "");
    if (unsupported) throw new Refusal(unsupported);
  });
  await bare.end();
}

/**
 * Opens a direct connection to the target with pinned settings; the caller ends it.
 * @param url Connection string of the target, a secret: no message holds its password.
 * @throws {StepError} naming host, port, database and remedy; also for a pooler in between.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<pg.Client> {
  const words = readConnectionWords(url);
  const { applicationName = APPLICATION_NAME, connectTimeoutMs } = options;
  const opening = { applicationName, connectTimeoutMs };
  try {
    return await openConnection(
      words,
      { ...opening, options: startOptions(START_SETTINGS) },
      async (client) => setLaterSettings(client, await assertDirect(client)),
    );
  } catch (error) {
    if (sqlState((error as Error).cause) === "42704") await assertVersion(words, opening);
    throw error;
  }
}
