import type { Client } from "pg";
import { withTableLock } from "../lock-retry.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import { mapped, mapValue, quoteName, showValue, tableName } from "./change-sql.ts";
import { closeStatements, reopenStatements } from "./closed-table.ts";
import { showRows } from "./estimate.ts";
import type { TableWork } from "./expand.ts";
import { MIGRATING } from "./normaliser.ts";
import { withinLockWait } from "./one-transaction.ts";
import { readTableState, type TableState } from "./table-state.ts";

/** The work of the application's own command, before and after it runs. */
export interface CopyWork extends TableWork {
  record: ChangeRecord;
  /** Longest wait for the lock. */
  lockWaitMs?: number;
}

/** One transaction under the lock, whose writes the tracker takes for the rollout's own. */
export function locked<T>(
  work: CopyWork,
  mode: "SHARE ROW EXCLUSIVE" | "ACCESS EXCLUSIVE",
  run: () => Promise<T>,
): Promise<T> {
  const lock = { ...work, table: tableName(work.change), mode, settings: { [MIGRATING]: "on" } };
  return withinLockWait(work, (signal) => withTableLock(work.client, { ...lock, signal }, run));
}

/**
 * Copies key and column of every row, remembers the schema, and closes the table: from here on nobody but the
 * command writes, and whatever it does to the column can be told and taken back.
 */
export async function copyColumn(work: CopyWork): Promise<void> {
  const { client, change } = work;
  await locked(work, "SHARE ROW EXCLUSIVE", async () => {
    const state = await readTableState(client, change);
    await client.query("UPDATE rollout.maintenance SET state = $1", [JSON.stringify(state)]);
    await client.query(
      `CREATE TABLE rollout.before AS
         SELECT t.${quoteName(change.key)} AS key, t.${quoteName(change.column)}::text AS raw FROM ONLY ${tableName(change)} AS t;
       ${closeStatements(change)}`,
    );
  });
}

/** The table as it was before the command. */
export async function readState(client: Client): Promise<TableState> {
  const { rows } = await client.query<{ state: TableState }>("SELECT state FROM rollout.maintenance");
  return rows[0]?.state as TableState;
}

interface WrongRow {
  key: string;
  raw: string | null;
  got: string | null;
  added: boolean;
  gone: boolean;
}

const ROWS_SHOWN = 20;

/** Rows that meet the condition on copy `b` and table `t`; `total` counts those that are not shown as well. */
export async function readWrongRows(client: Client, change: Change, condition: string) {
  const [key, column] = [quoteName(change.key), quoteName(change.column)];
  const { rows } = await client.query<WrongRow & { total: string }>(
    `SELECT coalesce(b.key, t.${key})::text AS key, b.raw, t.${column}::text AS got, b.key IS NULL AS added,
            t.${key} IS NULL AS gone, count(*) OVER () AS total
     FROM rollout.before AS b FULL JOIN ONLY ${tableName(change)} AS t ON t.${key} = b.key
     WHERE ${condition}
     ORDER BY coalesce(b.key, t.${key}) LIMIT $1`,
    [ROWS_SHOWN],
  );
  return { rows, total: Number(rows[0]?.total ?? 0) };
}

/** Rows that came or went. */
export const moved = ({ key }: Change) => `(b.key IS NULL OR t.${quoteName(key)} IS NULL)`;

/** Rows that are still there, but not what the mapping makes of the copy. */
export const changed = (change: Change) =>
  `NOT ${moved(change)} AND t.${quoteName(change.column)} IS DISTINCT FROM ${mapped(change, "b.raw")}`;

function describeWrongRow(change: Change, { key, raw, got, added, gone }: WrongRow): string {
  if (added) return `row ${key} was added`;
  if (gone) return `row ${key} is gone`;
  return `row ${key}: ${showValue(raw)} became ${showValue(got)}, not ${showValue(mapValue(change, raw))}`;
}

/** One line each, and how many more there are. */
export function wrongRowLines(
  change: Change,
  { rows, total }: { rows: WrongRow[]; total: number },
): string[] {
  const more = total - rows.length;
  return [
    ...rows.map((row) => describeWrongRow(change, row)),
    ...(more > 0 ? [`${showRows(more)} more that differ`] : []),
  ];
}

/** Opens the table and forgets the copy. The caller holds ACCESS EXCLUSIVE. */
export const dropCopy = (change: Change) => `${reopenStatements(change)} DROP TABLE rollout.before`;
