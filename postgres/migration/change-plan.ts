import type { Client } from "pg";
import type { Change } from "./change.ts";
import { mapValue, showValue, subjectOf } from "./change-sql.ts";
import { countRows, listUnmapped, type RowCounts } from "./counts.ts";
import { showRows } from "./estimate.ts";

const VALUES_SHOWN = 5;
const ROWS_SHOWN = 20;

interface Mapped {
  from: string | null;
  to: string;
  rows: number;
}

/** Rows to change, by old value, most frequent first. */
export function plannedChanges(counts: RowCounts, change: Change): Mapped[] {
  const all: [string | null, number][] = [[null, counts.null], ...Object.entries(counts.byType)];
  return all
    .flatMap(([from, rows]) => {
      const to = mapValue(change, from);
      return rows === 0 || to === null || to === from ? [] : [{ from, to, rows }];
    })
    .sort((a, b) => b.rows - a.rows);
}

/** Rows that the backfill would change. */
export function rowsToChange(counts: RowCounts, change: Change): number {
  return plannedChanges(counts, change).reduce((sum, { rows }) => sum + rows, 0);
}

/** The planned changes in a few lines: `6,012 NULL → acquisition`. */
export function planLines(counts: RowCounts, change: Change): string[] {
  const planned = plannedChanges(counts, change);
  const shown = planned.slice(0, VALUES_SHOWN);
  const rest = planned.slice(VALUES_SHOWN);
  const restRows = rest.reduce((sum, { rows }) => sum + rows, 0);
  return [
    ...shown.map(({ from, to, rows }) => `${rows.toLocaleString("en-US")} ${showValue(from)} → ${to}`),
    ...(rest.length > 0 ? [`${restRows.toLocaleString("en-US")} in ${rest.length} other spellings`] : []),
  ];
}

/** Why the rows keep the phase from starting, by key and value; empty when every row has a rule. */
export async function unmappedBlockers(
  client: Client,
  change: Change,
  counts?: RowCounts,
): Promise<string[]> {
  const { unmapped } = counts ?? (await countRows(client, change));
  if (unmapped === 0) return [];
  const rows = await listUnmapped(client, change, ROWS_SHOWN);
  const shown = rows.map(({ key, value }) => `${key}: ${showValue(value)}`).join(", ");
  const more = unmapped > rows.length ? ` and ${(unmapped - rows.length).toLocaleString("en-US")} more` : "";
  return [
    `expected a rule for every value of ${subjectOf(change)}, got ${showRows(unmapped)} that no rule maps ` +
      `(${change.key}: value): ${shown}${more}. Add the values to change.normalise, or correct the rows.`,
  ];
}
