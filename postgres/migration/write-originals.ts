import type { Client } from "pg";
import type { ChangeRecord } from "./change-record.ts";
import { quoteName, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import type { Entry, Fate } from "./fate.ts";
import {
  readSideColumns,
  type SideChange,
  type SideColumn,
  sideAssignment,
  sidesLeft,
} from "./side-columns.ts";

export interface RestoreWork extends TableWork {
  record: ChangeRecord;
  reaffirmed: "keep" | "restore";
  batchSize: number;
  /** Connections that restore at the same time, the first one being `client`. */
  clients: Client[];
  /** Triggers of the application fire on our updates. */
  fires: boolean;
}

/** An entry of the journal, with what triggers of the application made of the row's other columns. */
export interface JournalEntry extends Entry {
  side: SideChange | null;
}

/** Reason of what triggers wrote elsewhere while we restored: the way back is not held up by it. */
export const STRAYED = "written by triggers of the table that the restore fired: stays";

/** An entry, and what is to become of its row. */
export interface Judged {
  entry: JournalEntry;
  fate: Fate;
}

/** Columns that the journal says a trigger has changed, as far as the table still has them. */
async function journalledColumns(
  client: Client,
  work: RestoreWork,
  restored: Judged[],
): Promise<SideColumn[]> {
  const names = new Set(restored.flatMap(({ entry }) => Object.keys(entry.side ?? {})));
  if (names.size === 0) return [];
  return (await readSideColumns(client, work.change)).filter(({ name }) => names.has(name));
}

function restoreStatement({ change, record }: RestoreWork, sides: SideColumn[]): string {
  const column = quoteName(change.column);
  const assignments = [`${column} = e.raw`, ...sides.map((side) => sideAssignment(side, "e.side"))];
  return `
    UPDATE ONLY ${tableName(change)} AS t SET ${assignments.join(", ")}
    FROM unnest($1::${record.keyType}[], $2::text[], $3::text[], $4::jsonb[]) AS e (key, raw, became, side)
    WHERE t.${quoteName(change.key)} = e.key AND t.${column} = e.became
    RETURNING e.key::text AS key, ${sidesLeft(sides, "e.side")} AS left`;
}

/** What became of a row that was to be given its original back. */
export type Written = Map<string, { left: string[] }>;

/** @returns the rows that were written, by key. One that is missing has changed without the tracker's knowing. */
export async function writeOriginals(
  client: Client,
  work: RestoreWork,
  restored: Judged[],
): Promise<Written> {
  const sides = await journalledColumns(client, work, restored);
  const { rows } = await client.query<{ key: string; left: string[] }>(restoreStatement(work, sides), [
    restored.map(({ fate }) => fate.key),
    restored.map(({ entry }) => entry.raw),
    restored.map(({ entry }) => entry.became),
    restored.map(({ entry }) => entry.side && JSON.stringify(entry.side)),
  ]);
  return new Map(rows.map(({ key, left }) => [key, { left }]));
}

/** Something that the undo left as it is. */
export interface Kept {
  since: number;
  key: string;
  raw: string | null;
  reason: string;
}

/** Everything about an entry that was not brought back, each with its reason. */
export function keptOf({ entry, fate }: Judged, written: Written): Kept[] {
  const kept = (reason: string) => ({ since: entry.since, key: fate.key, raw: entry.raw, reason });
  if (fate.verdict === "keep" || fate.verdict === "gone") return [kept(fate.reason)];
  if (fate.verdict !== "restore") return [];
  const left = written.get(fate.key)?.left;
  if (!left) return [kept("changed or deleted unseen by the tracker")];
  return left.map((name) => kept(`column ${name} written since: kept`));
}
