import pg from "pg";
import { StepError } from "../errors/step-error.ts";
import { childEnvironment } from "../processes/child-process.ts";

/** Parameters of a connection string that libpq also takes from the environment. */
const PARAMETERS: Record<string, string> = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcrl: "PGSSLCRL",
  options: "PGOPTIONS",
  connect_timeout: "PGCONNECT_TIMEOUT",
  channel_binding: "PGCHANNELBINDING",
  application_name: "PGAPPNAME",
};

/** Parameters that only our own driver reads or that the connection itself names. */
const IGNORED = new Set(["host", "port", "user", "password", "dbname", "uselibpqcompat"]);

/**
 * The environment that lets PostgreSQL's programs reach the database of a connection string. The password travels
 * here and never in an argument list, which every user of the machine can read.
 * @throws {StepError} for a parameter that would be lost on the way.
 */
export function libpqEnvironment(databaseUrl: string): Record<string, string> {
  const target = new pg.Client({ connectionString: databaseUrl });
  const environment: Record<string, string> = {
    ...childEnvironment(),
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user ?? "",
    PGDATABASE: target.database ?? "",
    PGAPPNAME: "deal-type-rollout",
    PGCONNECT_TIMEOUT: "15",
    PGTZ: "UTC",
  };
  if (target.password) environment.PGPASSWORD = target.password;
  const query = databaseUrl.split("?")[1] ?? "";
  for (const [name, value] of new URLSearchParams(query)) {
    const variable = PARAMETERS[name];
    if (variable) environment[variable] = value;
    else if (!IGNORED.has(name)) {
      throw new StepError(
        `postgres: expected only parameters of a connection string that pg_dump knows too ` +
          `(${Object.keys(PARAMETERS).join(", ")}), got ${JSON.stringify(name)}. Remove it from databaseUrl.`,
      );
    }
  }
  return environment;
}
