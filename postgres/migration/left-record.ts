import type { Client } from "pg";
import { countLeft, describeLeft, type LeftThing, leftCommands } from "../../ledger/left.ts";
import type { Lease } from "../../steps/step.ts";
import { rolloutSchemaState } from "../rollout-schema.ts";
import { inTransaction } from "../transaction.ts";
import type { Change } from "./change.ts";
import { subjectOf } from "./change-sql.ts";
import { showRows } from "./estimate.ts";
import type { Refusal } from "./refusal.ts";

/** What the undo could not bring back: it outlives the undo, and so do journal and tracker, until it is empty. */
export const LEFT_TABLE = `
  CREATE TABLE IF NOT EXISTS rollout.refused (
    -- Number in the journal or of the event that holds the row's original; 0 for an object.
    entry bigint NOT NULL,
    -- The row's key as the journal has it, or the object by name.
    subject text NOT NULL,
    -- The row's key of now.
    key text,
    -- Step whose undo met it.
    step text NOT NULL,
    code text,
    obstacle text,
    reason text NOT NULL,
    remedy text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entry, subject)
  );`;

/** A release before this one made the schema: its undo has to go all the same. Asked first, since DDL takes locks. */
export async function ensureLeftTable(client: Client, lease: Lease | undefined): Promise<void> {
  const { rows } = await client.query<{ whole: boolean }>(
    `SELECT to_regclass('rollout.refused') IS NOT NULL AND EXISTS (SELECT FROM pg_attribute
       WHERE attrelid = to_regclass('rollout.change') AND attname = 'undone_at') AS whole`,
  );
  if (rows[0]?.whole) return;
  await inTransaction(client, { lease }, () =>
    client.query(
      `${LEFT_TABLE}
       ALTER TABLE rollout.change ADD COLUMN IF NOT EXISTS undone_at timestamptz;
       ALTER TABLE rollout.journal ALTER COLUMN became DROP NOT NULL`,
    ),
  );
}

/** A row that stays as it is. */
export interface LeftRow {
  entry: number;
  subject: string;
  key: string;
  refusal: Refusal;
}

/** Writes them down, in the transaction of the caller; one that is known gets its newest reason. */
export async function recordLeftRows(client: Client, rows: readonly LeftRow[]): Promise<void> {
  if (rows.length === 0) return;
  const column = (of: (row: LeftRow) => unknown) => rows.map(of);
  await client.query(
    `INSERT INTO rollout.refused (entry, subject, key, step, code, obstacle, reason, remedy)
     SELECT entry, subject, key, 'migration', code, obstacle, reason, remedy
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       AS r (entry, subject, key, code, obstacle, reason, remedy)
     ON CONFLICT (entry, subject) DO UPDATE SET key = EXCLUDED.key, code = EXCLUDED.code,
       obstacle = EXCLUDED.obstacle, reason = EXCLUDED.reason, remedy = EXCLUDED.remedy, at = EXCLUDED.at`,
    [
      column(({ entry }) => entry),
      column(({ subject }) => subject),
      column(({ key }) => key),
      column(({ refusal }) => refusal.code),
      column(({ refusal }) => refusal.obstacle),
      column(({ refusal }) => refusal.reason),
      column(({ refusal }) => refusal.remedy),
    ],
  );
}

/** These rows are left no more: they went back, or are a user's by now. In the transaction of the caller. */
export async function forgetLeftRows(
  client: Client,
  rows: readonly { entry: number; subject: string }[],
): Promise<void> {
  if (rows.length === 0) return;
  await client.query(
    `DELETE FROM rollout.refused AS r USING unnest($1::bigint[], $2::text[]) AS d (entry, subject)
     WHERE r.entry = d.entry AND r.subject = d.subject`,
    [rows.map(({ entry }) => entry), rows.map(({ subject }) => subject)],
  );
}

/** Whether schema rollout can remember what is left. */
export async function remembersLeft(client: Client): Promise<boolean> {
  if ((await rolloutSchemaState(client)) !== "ours") return false;
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('rollout.refused') IS NOT NULL AS there",
  );
  return rows[0]?.there ?? false;
}

/** An object that stays as it is, or as the undo found it. */
export async function recordLeftObject(
  client: Client,
  { step, subject, refusal }: { step: string; subject: string; refusal: Refusal },
): Promise<void> {
  const { code, obstacle, reason, remedy } = refusal;
  await client.query(
    `INSERT INTO rollout.refused (entry, subject, step, code, obstacle, reason, remedy)
     VALUES (0, $1, $2, $3, $4, $5, $6) ON CONFLICT (entry, subject) DO UPDATE SET step = EXCLUDED.step,
       code = EXCLUDED.code, obstacle = EXCLUDED.obstacle, reason = EXCLUDED.reason, remedy = EXCLUDED.remedy,
       at = EXCLUDED.at`,
    [subject, step, code, obstacle, reason, remedy],
  );
}

export async function forgetLeftObject(client: Client, subject: string): Promise<void> {
  await client.query("DELETE FROM rollout.refused WHERE entry = 0 AND subject = $1", [subject]);
}

/** Nothing of a step is left any more. */
export async function forgetLeftStep(
  { client, lease }: { client: Client; lease: Lease | undefined },
  step: string,
): Promise<void> {
  await inTransaction(client, { lease }, () =>
    client.query("DELETE FROM rollout.refused WHERE step = $1", [step]),
  );
}

/** Keys of one reason that are named. */
const KEYS_SHOWN = 20;

const GROUPED = `
  SELECT step, code, reason, remedy, CASE WHEN entry = 0 THEN subject END AS object, count(*) AS rows,
         (array_agg(key ORDER BY length(key), key) FILTER (WHERE entry > 0))[1:${KEYS_SHOWN}] AS keys
  FROM rollout.refused GROUP BY 1, 2, 3, 4, 5 ORDER BY object NULLS LAST, count(*) DESC, reason`;

interface Grouped extends Pick<LeftThing, "step" | "code" | "reason" | "remedy"> {
  object: string | null;
  rows: string;
  keys: string[] | null;
}

/** Everything that is left in the database, rows of one reason as one. Empty where there is no rollout. */
export async function readLeft(client: Client, change: Change): Promise<LeftThing[]> {
  if (!(await remembersLeft(client))) return [];
  const { rows } = await client.query<Grouped>(GROUPED);
  return rows.map(({ object, rows: count, keys, ...thing }) => ({
    ...thing,
    subject: object ?? `${showRows(Number(count))} of ${subjectOf(change)}`,
    count: Number(count),
    keys: keys ?? [],
  }));
}

/** Rows that the undo could not give their originals back. */
export async function countLeftRows(client: Client): Promise<number> {
  if (!(await remembersLeft(client))) return 0;
  const { rows } = await client.query("SELECT count(*) AS rows FROM rollout.refused WHERE entry > 0");
  return Number(rows[0]?.rows);
}

/** When the undo ended with something left; null while it is under way, or where nothing has been undone. */
export async function readUndoneAt(client: Client): Promise<string | null> {
  if (!(await remembersLeft(client))) return null;
  const { rows } = await client.query<{ undone_at: Date | null }>("SELECT undone_at FROM rollout.change");
  return rows[0]?.undone_at?.toISOString() ?? null;
}

/** The undo has ended, but for what is left. In the transaction of the caller. */
export async function markUndone(client: Client): Promise<void> {
  await client.query("UPDATE rollout.change SET undone_at = coalesce(undone_at, clock_timestamp())");
}

const LEFT_SHOWN = 5;

/** Why no rollout begins here: an earlier one is not wholly taken back. */
export async function leftBlocker(
  client: Client,
  change: Change,
  stack: string,
): Promise<string | undefined> {
  const left = await readLeft(client, change);
  if (left.length === 0) return undefined;
  const more = left.length > LEFT_SHOWN ? `; … ${left.length - LEFT_SHOWN} more` : "";
  const shown = left.slice(0, LEFT_SHOWN).map((thing) => describeLeft(thing).replace(/\.$/, ""));
  const ways = (await readUndoneAt(client))
    ? leftCommands(stack)
    : `Lower to phase 0 or destroy first: npx rollout config set phase 0 --stack ${stack}, then npx rollout up. It tries them again`;
  return (
    `expected the undo of the rollout before to have left nothing of ${subjectOf(change)}, ` +
    `got ${countLeft(left).toLocaleString("en-US")} left as they are: ${shown.join("; ")}${more}. ${ways}.`
  );
}
