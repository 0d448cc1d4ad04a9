import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { Change } from "./change.ts";
import { subjectOf } from "./change-sql.ts";
import type { RowCounts } from "./counts.ts";
import { LEFT_TABLE } from "./left-record.ts";

/** What the database itself knows of the change under way: one row of `rollout.change`, written by expand. */
export interface ChangeRecord {
  stack: string;
  change: Change;
  /** Type of the key column, as `format_type` spells it. */
  keyType: string;
  /** Role without login that owns the trigger functions. */
  ownerRole: string;
  /** Whether expand made that role, so its undo drops it. */
  madeRole: boolean;
  /** Whether the column was NOT NULL before the rollout. */
  notNullBefore: boolean;
  /** Rows before the first change. */
  rowsBefore: RowCounts | null;
  /** Our triggers as `pg_get_triggerdef` showed them when they were made, by name. */
  triggers: Record<string, string>;
  /** The backfill has seen every key up to this one; null before its first checkpoint and after its undo. */
  cursor: string | null;
  backfilled: boolean;
  /** Rows of alembic_version before the stamp; null when nothing was stamped. */
  alembicBefore: string[] | null;
  alembicStamp: string | null;
}

/** Tables of the change; `keyType` comes from the catalogue, so it is SQL already. */
export function changeTables(keyType: string): string {
  return `
  CREATE TABLE IF NOT EXISTS rollout.change (
    id integer PRIMARY KEY CHECK (id = 1),
    stack text NOT NULL,
    -- json, not jsonb: the order of the spellings is part of the trigger functions' text.
    definition json NOT NULL,
    key_type text NOT NULL,
    owner_role text NOT NULL,
    made_role boolean NOT NULL,
    not_null_before boolean NOT NULL,
    rows_before json,
    triggers jsonb NOT NULL DEFAULT '{}',
    -- When they were put on the table, or repaired: before that nobody saw an old-style write.
    triggers_at timestamptz,
    cursor text,
    backfilled_at timestamptz,
    alembic_before text[],
    alembic_stamp text,
    -- When the undo ended with something left (rollout.refused).
    undone_at timestamptz
  );
  -- One order for everything that happens to a row: numbers are drawn while the row's lock is held.
  CREATE SEQUENCE IF NOT EXISTS rollout.event_order;
  -- Original values of backfilled rows: one row for each batch and original value, 1-2 bytes a key.
  CREATE TABLE IF NOT EXISTS rollout.journal (
    id bigint PRIMARY KEY DEFAULT nextval('rollout.event_order'),
    raw text,
    -- The value that took its place: a row that holds another one now was changed by someone. NULL only after an
    -- upgrade command of the application that made it so.
    became text,
    keys ${keyType}[] NOT NULL,
    -- What triggers of the application made of other columns, by name, in the order of the keys.
    sides jsonb[],
    restored boolean NOT NULL DEFAULT false
  );
  -- Old-style writes that the normaliser saw and that may still come to nothing (ON CONFLICT).
  CREATE TABLE IF NOT EXISTS rollout.proposed (
    id bigint PRIMARY KEY DEFAULT nextval('rollout.event_order'),
    key ${keyType} NOT NULL,
    raw text,
    operation text NOT NULL,
    old_style boolean NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT statement_timestamp()
  );
  CREATE INDEX IF NOT EXISTS proposed_key ON rollout.proposed (key);
  -- What users did: raw (old-style write, its value), assign, reaffirm, rekey, delete, truncate.
  CREATE TABLE IF NOT EXISTS rollout.event (
    seq bigint PRIMARY KEY DEFAULT nextval('rollout.event_order'),
    kind text NOT NULL,
    key ${keyType},
    new_key ${keyType},
    raw text,
    became text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    restored boolean NOT NULL DEFAULT false,
    -- Login role of an old-style write.
    writer text
  );
  -- Where an earlier release made the tables. Asked first: ALTER TABLE would lock out writers though it does nothing.
  DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'rollout.event'::regclass AND attname = 'writer') THEN
      ALTER TABLE rollout.event ADD COLUMN writer text;
      ALTER TABLE rollout.change ADD COLUMN IF NOT EXISTS triggers_at timestamptz;
    END IF;
  END $do$;
  CREATE INDEX IF NOT EXISTS event_key ON rollout.event (key, seq);
  CREATE INDEX IF NOT EXISTS event_raw ON rollout.event (seq) WHERE kind = 'raw';
  -- Rows that the undo left as they are, and why.
  CREATE TABLE IF NOT EXISTS rollout.kept (
    entry bigint NOT NULL,
    key text NOT NULL,
    raw text,
    reason text NOT NULL
  );
  ${LEFT_TABLE}`;
}

interface Row {
  stack: string;
  definition: unknown;
  key_type: string;
  owner_role: string;
  made_role: boolean;
  not_null_before: boolean;
  rows_before: RowCounts | null;
  triggers: Record<string, string>;
  cursor: string | null;
  backfilled: boolean;
  alembic_before: string[] | null;
  alembic_stamp: string | null;
}

/** The change that the database knows of; undefined before expand and after its undo. */
export async function readChangeRecord(client: Client): Promise<ChangeRecord | undefined> {
  const { rows: there } = await client.query("SELECT to_regclass('rollout.change') IS NOT NULL AS there");
  if (!there[0]?.there) return undefined;
  const { rows } = await client.query<Row>(
    "SELECT *, backfilled_at IS NOT NULL AS backfilled FROM rollout.change",
  );
  const row = rows[0];
  return (
    row && {
      stack: row.stack,
      change: Change.parse(row.definition),
      keyType: row.key_type,
      ownerRole: row.owner_role,
      madeRole: row.made_role,
      notNullBefore: row.not_null_before,
      rowsBefore: row.rows_before,
      triggers: row.triggers,
      cursor: row.cursor,
      backfilled: row.backfilled,
      alembicBefore: row.alembic_before,
      alembicStamp: row.alembic_stamp,
    }
  );
}

/** Why a change that is under way is not the wanted one; undefined when it is, or when there is none. */
export function foreignChange(
  record: ChangeRecord | undefined,
  stack: string,
  change: Change,
): string | undefined {
  if (!record) return undefined;
  const same = (["schema", "table", "column", "key"] as const).every((k) => record.change[k] === change[k]);
  if (same && record.stack === stack) return undefined;
  return (
    `expected no other rollout in this database, got ${subjectOf(record.change)} of stack ${record.stack}. ` +
    "Lower or finish that one first."
  );
}

/** What an undo may take back: the record of this stack's own change, or what it says instead of touching another's. */
export async function readOwnRecord(
  client: Client,
  stack: string,
  change: Change,
): Promise<{ record: ChangeRecord | undefined; foreign: string | undefined }> {
  const record = await readChangeRecord(client);
  if (!record || foreignChange(record, stack, change) === undefined) return { record, foreign: undefined };
  const foreign = `nothing to undo: schema rollout holds ${subjectOf(record.change)} of stack ${record.stack}, which is left alone`;
  return { record: undefined, foreign };
}

/** The record of a change that has to be there. @throws {StepError} before expand. */
export async function requireChangeRecord(
  client: Client,
  stack: string,
  change: Change,
): Promise<ChangeRecord> {
  const record = await readChangeRecord(client);
  const foreign = foreignChange(record, stack, change);
  if (foreign) throw new StepError(`postgres: ${foreign}`);
  if (record) return record;
  throw new StepError(
    `postgres: expected the expand step to be done for ${subjectOf(change)}, got no journal in schema rollout. ` +
      "Run expand first (`rollout up` does it when its drift is seen).",
  );
}
