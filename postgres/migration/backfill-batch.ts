import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { AppTriggerMode } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { mapped, oldStyle, quoteName, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import { readSideColumns, type SideColumn, sideChange, sideTexts } from "./side-columns.ts";
import { watchWrites } from "./stray-writes.ts";

/** What a batch's statement depends on beside the change. */
export interface BatchShape {
  /** As `format_type` spells it. */
  keyType: string;
  /** Journalled too, where the application's triggers fire; else none. */
  sides: readonly SideColumn[];
}

/**
 * One batch, one statement: locks the old-style rows among these keys in key order, maps them, writes their
 * originals into the journal. Row locks make it safe beside writers: a row that a user changes first is judged
 * again by its new value, and the number of the journal row is drawn while the rows are locked.
 */
function batchStatement(
  change: Change,
  sides: readonly SideColumn[],
  { condition, locking }: { condition: string; locking: string },
): string {
  const [key, column, table] = [quoteName(change.key), quoteName(change.column), tableName(change)];
  const beside = sides.length > 0;
  const was = beside ? `, ${sideTexts(sides, "t")} AS was` : "";
  const side = beside ? `, ${sideChange(sides, "old.was", sideTexts(sides, "t"))} AS side` : "";
  return `
    WITH old AS MATERIALIZED (
      SELECT t.${key} AS key, t.${column} AS raw${was} FROM ONLY ${table} AS t
      WHERE ${condition} AND ${oldStyle(change, `t.${column}`)} ORDER BY t.${key} FOR NO KEY UPDATE ${locking}
    ), done AS (
      UPDATE ONLY ${table} AS t SET ${column} = ${mapped(change, "old.raw")} FROM old WHERE t.${key} = old.key
      RETURNING old.key, old.raw, t.${column} AS became, t.${key} <> old.key AS moved${side}
    ), written AS (
      INSERT INTO rollout.journal (raw, became, keys${beside ? ", sides" : ""})
      SELECT raw, became, array_agg(key)${beside ? ", array_agg(side)" : ""} FROM done GROUP BY raw, became
    )
    SELECT count(*)::int AS rows, coalesce(bool_or(moved), false) AS moved FROM done`;
}

/** The batch of one range of keys, $1 to $2. Rows that someone has locked are left to the sweep. */
export function rangeStatement(change: Change, { keyType, sides }: BatchShape): string {
  const key = `t.${quoteName(change.key)}`;
  const condition = `${key} >= $1::${keyType} AND ${key} <= $2::${keyType}`;
  return batchStatement(change, sides, { condition, locking: "SKIP LOCKED" });
}

/** The batch of the keys that a walk has left, $1. */
export function sweepStatement(change: Change, { keyType, sides }: BatchShape): string {
  const condition = `t.${quoteName(change.key)} = ANY ($1::${keyType}[])`;
  return batchStatement(change, sides, { condition, locking: "" });
}

function strayed({ change }: TableWork, step: string, strays: string[]): StepError {
  return new StepError(
    `${step}: expected the triggers of ${change.table} to change no more than the row that fires them ` +
      `(migration.appTriggers: fire), got ${strays.join(", ")} written as well. All of it was taken back. ` +
      "Set it to bypass, or have the trigger leave that out.",
  );
}

/** Runs one batch in the transaction at hand. @throws {StepError} when triggers did what no journal of rows brings back. */
export async function changeRows(
  client: Client,
  work: TableWork,
  { step, ...query }: { step: string; name?: string; text: string; values: unknown[] },
): Promise<number> {
  const strays = work.appTriggers === "fire" ? await watchWrites(client, work.change) : undefined;
  const { rows: results } = await client.query<{ rows: number; moved: boolean }>(query);
  const { rows = 0, moved = false } = results[0] ?? {};
  const found = [...(moved ? ["the key of a row"] : []), ...((await strays?.(rows)) ?? [])];
  if (found.length > 0) throw strayed(work, step, found);
  return rows;
}

/** Other columns that are journalled: all that a trigger which fires could assign. */
export function journalledSides(client: Client, change: Change, mode: AppTriggerMode): Promise<SideColumn[]> {
  return mode === "fire" ? readSideColumns(client, change) : Promise.resolve([]);
}
