import { childEnvironment } from "../processes/child-process.ts";
import { systemRoots } from "./connection-tls.ts";
import { readConnectionWords } from "./connection-words.ts";

/** Words of a connection string that libpq also takes from the environment, under these names. */
const VARIABLES: Record<string, string> = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcrl: "PGSSLCRL",
  sslsni: "PGSSLSNI",
  sslnegotiation: "PGSSLNEGOTIATION",
  ssl_min_protocol_version: "PGSSLMINPROTOCOLVERSION",
  ssl_max_protocol_version: "PGSSLMAXPROTOCOLVERSION",
  gssencmode: "PGGSSENCMODE",
  channel_binding: "PGCHANNELBINDING",
  target_session_attrs: "PGTARGETSESSIONATTRS",
  connect_timeout: "PGCONNECT_TIMEOUT",
};

/** What a role or a database may have set to cut a session off; a program that resets one itself does so later. */
const PATIENCE = [
  "-c statement_timeout=0",
  "-c idle_in_transaction_session_timeout=0",
  "-c idle_session_timeout=0",
];

/**
 * The environment that lets PostgreSQL's programs reach the database of a connection string. The password travels
 * here and never in an argument list, which every user of the machine can read.
 * @throws {StepError} for a word that would be lost on the way.
 */
export function libpqEnvironment(databaseUrl: string): Record<string, string> {
  const { hosts, user, password, database, words } = readConnectionWords(databaseUrl);
  const environment: Record<string, string> = {
    ...childEnvironment(),
    PGHOST: hosts.map(({ host }) => host).join(","),
    PGPORT: hosts.map(({ port }) => port).join(","),
    PGUSER: user,
    PGDATABASE: database,
    PGAPPNAME: "deal-type-rollout",
    PGCONNECT_TIMEOUT: "15",
    PGTZ: "UTC",
    PGCLIENTENCODING: "UTF8",
    PGOPTIONS: [words.options ?? "", ...PATIENCE].join(" ").trim(),
  };
  if (password !== "") environment.PGPASSWORD = password;
  if (hosts.some(({ address }) => address)) {
    environment.PGHOSTADDR = hosts.map(({ address = "" }) => address).join(",");
  }
  if (hosts.length > 1) environment.PGTARGETSESSIONATTRS = "read-write";
  for (const [word, variable] of Object.entries(VARIABLES)) {
    const value = words[word];
    if (value !== undefined) environment[variable] = value;
  }
  // Programs before version 16 would take the word for a file's name.
  const roots = words.sslrootcert === "system" ? systemRoots() : undefined;
  if (roots) environment.PGSSLROOTCERT = roots;
  if (words.sslrootcert === "system") environment.PGSSLMODE = "verify-full";
  return environment;
}
