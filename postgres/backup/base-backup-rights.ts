import type { Client } from "pg";
import { shorten } from "./dump-rights.ts";

/** What a base backup has to know of its server. */
export interface BaseFacts {
  role: string;
  /** May the role stream the log and the files? */
  replication: boolean;
  walLevel: string;
  standby: boolean;
  senders: { limit: number; used: number };
  slots: { limit: number; used: number };
  version: number;
  /** Of all databases together. */
  bytes: number;
  databases: string[];
  superuser: string;
  preparedTransactions: number;
  /** Outside of the data directory. */
  tablespaces: string[];
  /** Emptied by every recovery. */
  unlogged: string[];
}

const FACTS = `
SELECT current_user AS role, (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = session_user) AS replication,
       current_setting('wal_level') AS "walLevel", pg_is_in_recovery() AS standby,
       json_build_object('limit', current_setting('max_wal_senders')::int,
                         'used', (SELECT count(*) FROM pg_stat_get_wal_senders())) AS senders,
       json_build_object('limit', current_setting('max_replication_slots')::int,
                         'used', (SELECT count(*) FROM pg_replication_slots)) AS slots,
       current_setting('server_version_num')::int AS version,
       (SELECT sum(pg_database_size(oid)) FROM pg_database
         WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE'))::float8 AS bytes,
       ARRAY(SELECT datname::text FROM pg_database WHERE NOT datistemplate ORDER BY 1) AS databases,
       (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser,
       current_setting('max_prepared_transactions')::int AS "preparedTransactions",
       ARRAY(SELECT spcname::text FROM pg_tablespace WHERE oid NOT IN (1663, 1664) ORDER BY 1) AS tablespaces,
       ARRAY(SELECT c.oid::regclass::text FROM pg_class c
              WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1) AS unlogged`;

/** Reads them, and nothing else. */
export async function readBaseFacts(client: Client): Promise<BaseFacts> {
  const { rows } = await client.query<BaseFacts>(FACTS);
  return rows[0] as BaseFacts;
}

const LOGICAL = "or set backup.method to logical";
/** pg_basebackup, pg_receivewal and the slot that keeps the log hold one each. */
const SENDERS = 3;
/** Compression by the server came with it. */
const OLDEST = 150_000;

/** What keeps the role from a base backup, each with its remedy; `refused` is what `tryReplication` said. Pure. */
export function describeBaseObstacles(facts: BaseFacts, refused?: string): string[] {
  const { role, senders, slots, version, walLevel, tablespaces, unlogged } = facts;
  const lines: string[] = [];
  const expect = (expected: string, got: string, remedy: string) =>
    lines.push(`backup: expected ${expected}, got ${got}. ${remedy}`);
  if (version < OLDEST)
    expect(
      "PostgreSQL 15 or newer for a physical backup",
      `${Math.floor(version / 10_000)}`,
      `Set backup.method to logical.`,
    );
  if (facts.standby)
    expect("the primary for a physical backup", "a standby", `Point databaseUrl at the primary.`);
  if (walLevel === "minimal")
    expect("wal_level replica or logical", walLevel, `Set it and restart the server, ${LOGICAL}.`);
  if (tablespaces.length > 0)
    expect(
      "all files in the data directory",
      `tablespaces ${shorten(tablespaces)}`,
      "They are not built yet: set backup.method to logical.",
    );
  if (unlogged.length > 0)
    expect(
      "logged tables only",
      `unlogged ${shorten(unlogged)}, which recovery empties`,
      `ALTER TABLE … SET LOGGED, ${LOGICAL}.`,
    );
  if (!facts.replication)
    expect(
      `a role with REPLICATION`,
      `role ${role} without it`,
      `As a superuser: ALTER ROLE "${role}" REPLICATION; ${LOGICAL}.`,
    );
  else if (senders.limit - senders.used < SENDERS)
    expect(
      `${SENDERS} free connections for replication`,
      `${senders.used} of max_wal_senders = ${senders.limit} in use`,
      `Raise max_wal_senders and restart the server, ${LOGICAL}.`,
    );
  else if (slots.limit <= slots.used)
    expect(
      "a free replication slot",
      `${slots.used} of max_replication_slots = ${slots.limit} in use`,
      `Raise max_replication_slots and restart the server, ${LOGICAL}.`,
    );
  else if (refused !== undefined)
    expect(
      "the server to accept a replication connection",
      refused,
      `Add to its pg_hba.conf, and reload: host replication "${role}" <this machine's address>/32 scram-sha-256; ${LOGICAL}.`,
    );
  return lines;
}
