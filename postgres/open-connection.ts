import { isIP } from "node:net";
import pg from "pg";
import { StepError } from "../errors/step-error.ts";
import { type Address, connectError, Refusal } from "./connect-error.ts";
import { type Attempt, attemptsOf, mayTryOtherWay } from "./connection-tls.ts";
import type { ConnectionWords, Host } from "./connection-words.ts";
import { sqlState } from "./transaction.ts";

export interface Opening {
  applicationName: string;
  /** Longest time until one server answers; what `connect_timeout` says, or ten seconds. */
  connectTimeoutMs?: number | undefined;
  /** Settings of the session, as `-c name=value …`. */
  options?: string;
  /** Speaks of the server's log instead of SQL. */
  replication?: boolean;
}

/** Which way a server took us in the end: asked once, not by every session of a run. */
const knownWays = new Map<string, "tls" | "plain">();

const wayOf = (attempt: Attempt) => (attempt === false ? "plain" : "tls");

const DEFAULT_TIMEOUT_MS = 10_000;

function timeoutOf({ words }: ConnectionWords, { connectTimeoutMs }: Opening): number {
  if (connectTimeoutMs !== undefined) return connectTimeoutMs;
  if (words.connect_timeout === undefined) return DEFAULT_TIMEOUT_MS;
  // As libpq has it: none is for ever, and one second would be too short for a name to be looked up.
  const seconds = Number(words.connect_timeout);
  return seconds <= 0 ? 0 : Math.max(2, seconds) * 1000;
}

interface Trial {
  from: ConnectionWords;
  host: Host;
  attempt: Attempt;
  opening: Opening;
}

function newClient({ from, host, attempt, opening }: Trial): pg.Client {
  const { user, database, password, words } = from;
  const named =
    host.address && isIP(host.host) === 0 && words.sslsni !== "0" ? { servername: host.host } : {};
  const binding = words.channel_binding ?? "prefer";
  const config = {
    ...{ host: host.address ?? host.host, port: host.port, user, database },
    ...(password === "" ? {} : { password }),
    ssl: attempt === false ? false : { ...attempt, ...named },
    ...(attempt !== false && words.sslnegotiation ? { sslnegotiation: words.sslnegotiation } : {}),
    enableChannelBinding: attempt !== false && binding !== "disable",
    application_name: opening.applicationName,
    connectionTimeoutMillis: timeoutOf(from, opening),
    keepAlive: true,
    options: [words.options ?? "", opening.options ?? ""].join(" ").trim(),
    ...(opening.replication ? { replication: "true" } : {}),
  };
  const client = new pg.Client(config as pg.ClientConfig);
  // A connection that breaks while idle must not end the process; the next query on it throws.
  client.on("error", () => undefined);
  return client;
}

type Listened = { connection: { once(event: string, listener: (message: never) => void): void } };

/** For channel_binding=require: whether the server offered it when it asked for the password. */
function watchBinding(client: pg.Client): () => boolean {
  let offered = false;
  (client as unknown as Listened).connection.once(
    "authenticationSASL",
    ({ mechanisms }: { mechanisms: string[] }) => {
      offered = mechanisms.includes("SCRAM-SHA-256-PLUS");
    },
  );
  return () => offered;
}

async function tryOnce(trial: Trial, check: (client: pg.Client) => Promise<void>): Promise<pg.Client> {
  const client = newClient(trial);
  const bound = watchBinding(client);
  try {
    await client.connect();
    if (trial.from.words.channel_binding === "require" && !(trial.attempt !== false && bound()))
      throw new Refusal("no channel binding, which channel_binding=require asks for. Set it to prefer");
    await check(client);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

async function tryHost(
  trial: Omit<Trial, "attempt">,
  check: (client: pg.Client) => Promise<void>,
): Promise<pg.Client> {
  const { host, address = host, port } = trial.host;
  const server = `${address}:${port} ${trial.from.words.sslmode ?? ""}`;
  const known = knownWays.get(server);
  const ways = attemptsOf(trial.from, trial.host);
  const attempts = ways.length > 1 && known ? ways.filter((way) => wayOf(way) === known) : ways;
  for (const [at, attempt] of attempts.entries()) {
    try {
      const client = await tryOnce({ ...trial, attempt }, check);
      knownWays.set(server, wayOf(attempt));
      return client;
    } catch (error) {
      if (at + 1 < attempts.length && mayTryOtherWay(error)) continue;
      throw error;
    }
  }
  throw new Error("postgres: expected at least one way to try a server, got none");
}

/** The server of a list that can't be used now, as libpq has it: a refused password ends the search. */
const mayTryNextHost = (error: unknown) =>
  error instanceof OtherHost || sqlState(error) === undefined || sqlState(error) === "57P03";

/** The server is not what `target_session_attrs` asks for. */
class OtherHost extends Refusal {}

/** Several servers are given so that the one which takes writes is found. */
async function checkWritable(client: pg.Client, { hosts, words, ...from }: ConnectionWords): Promise<void> {
  const wanted = words.target_session_attrs ?? (hosts.length > 1 ? "read-write" : "any");
  if (wanted === "any") return;
  const { rows } = await client.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
  if (!rows[0]?.standby) return;
  throw new OtherHost(
    `a standby, where target_session_attrs=${wanted} asks for one that takes writes. Correct databaseUrl of database ${from.database}`,
  );
}

/**
 * Opens a connection as libpq would: the servers in their order, each with TLS or without as the words say.
 * @param check judges the server that answered; what it throws refuses that one.
 * @throws {StepError} naming every server that was tried, and why it was not.
 */
export async function openConnection(
  from: ConnectionWords,
  opening: Opening,
  check: (client: pg.Client) => Promise<void>,
): Promise<pg.Client> {
  const failures: { error: unknown; address: Address }[] = [];
  const { user, database } = from;
  for (const host of from.hosts) {
    try {
      return await tryHost({ from, host, opening }, async (client) => {
        if (!opening.replication) await checkWritable(client, from);
        await check(client);
      });
    } catch (error) {
      // A file that is missing, a key that others may read: no server's fault.
      if (error instanceof StepError) throw error;
      failures.push({ error, address: { ...host, user, database } });
      if (!mayTryNextHost(error)) break;
    }
  }
  throw connectError(failures);
}
