import type { Client } from "pg";
import { Refusal } from "./connect-error.ts";
import { sqlState } from "./transaction.ts";

/**
 * Every setting that could cut a session of ours off, or change what our statements mean, whatever a role, a database or
 * the server's file says. Sent in the start-up packet, so they hold from the first moment and nothing leaks into a pool.
 * Every supported server knows all of them.
 */
export const START_SETTINGS: Readonly<Record<string, string>> = {
  // Names in our statements are qualified, everything else is PostgreSQL's own.
  search_path: "pg_catalog,pg_temp",
  idle_in_transaction_session_timeout: "5min",
  lock_timeout: "10s",
  // A limit that the role was given for its ordinary work would end VALIDATE half-way.
  statement_timeout: "0",
  idle_session_timeout: "0",
  // The statement of a killed client ends instead of running on.
  client_connection_check_interval: "2s",
  // Our trials expect to be refused.
  exit_on_error: "off",
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  // Values go through text and back: in the same form, and NULL in an array is no word.
  array_nulls: "on",
  lc_monetary: "C",
  xmloption: "content",
  standard_conforming_strings: "on",
  quote_all_identifiers: "off",
  transform_null_equals: "off",
  row_security: "off",
  default_transaction_isolation: "read\\ committed",
  default_transaction_deferrable: "off",
  // Our schema lies where the database does, whatever the role's own tables are given.
  default_tablespace: "",
  default_table_access_method: "heap",
};

/** One that only some servers know, or that may be set only where it differs. */
interface LaterSetting {
  name: string;
  value: string;
  /** First server that knows it. */
  since?: number;
  /** Set only where it is this: to set it at all may need a right, or would weaken it. */
  wrong?: string;
}

const LATER_SETTINGS: readonly LaterSetting[] = [
  { name: "transaction_timeout", value: "0", since: 170_000 },
  { name: "default_transaction_read_only", value: "off" },
  { name: "synchronous_commit", value: "on", wrong: "off" },
  { name: "session_replication_role", value: "origin", wrong: "replica" },
  { name: "session_replication_role", value: "origin", wrong: "local" },
];

/** What `default_transaction_read_only` was: a server that an operator or a full disk has closed is not opened by us. */
export const READ_ONLY_BEFORE = "rollout.read_only_before";

const SET_LATER = `
  SELECT set_config($4, current_setting('default_transaction_read_only'), false),
         (SELECT count(set_config(s.name, s.value, false))
          FROM unnest($1::text[], $2::text[], $3::text[]) AS s (name, value, wrong)
          WHERE s.wrong IS NULL OR s.wrong = current_setting(s.name))`;

/**
 * Sets what could not be sent at the start, in one round trip.
 * @throws {Refusal} when triggers are switched off for this session and it may not switch them on.
 */
export async function setLaterSettings(client: Client, version: number): Promise<void> {
  const known = LATER_SETTINGS.filter(({ since = 0 }) => version >= since);
  const columns = [
    known.map(({ name }) => name),
    known.map(({ value }) => value),
    known.map(({ wrong = null }) => wrong),
  ];
  await client.query(SET_LATER, [...columns, READ_ONLY_BEFORE]).catch((error: unknown) => {
    if (sqlState(error) !== "42501") throw error;
    throw new Refusal(
      "session_replication_role other than origin set on the role or the database, and no right to set it back. " +
        "As a superuser: ALTER ROLE … RESET session_replication_role, or ALTER DATABASE … RESET session_replication_role",
    );
  });
}
