import type { Change } from "../../postgres/migration/change.ts";
import type { KeyedValue, RowCounts } from "../../postgres/migration/counts.ts";
import { type HealthScore, scoreHealth } from "./health-score.ts";

/** What the data audit found, as kept in JSON. */
export interface Audit {
  version: 1;
  takenAt: string;
  table: string;
  column: string;
  total: number;
  null: number;
  invalid: number;
  unmapped: number;
  /** The most frequent values. */
  byType: Record<string, number>;
  /** What `byType` leaves out of a column of very many different values. */
  furtherValues: { values: number; rows: number };
  healthScore: HealthScore;
  /** The first unmapped rows, key and value only. */
  unmappedRows: KeyedValue[];
}

/** Different values that the report keeps: a free-text column may hold millions. */
const KEPT_VALUES = 1000;

/** The most frequent values, and how much is left out. */
export function mostFrequent(byType: Record<string, number>, limit: number) {
  const entries = Object.entries(byType).sort((a, b) => b[1] - a[1]);
  const rows = entries.slice(limit).reduce((sum, [, count]) => sum + count, 0);
  return {
    byType: Object.fromEntries(entries.slice(0, limit).map(([value, count]) => [value.slice(0, 200), count])),
    furtherValues: { values: Math.max(0, entries.length - limit), rows },
  };
}

/** Counts and unmapped rows as an audit. Pure. */
export function makeAudit(change: Change, counts: RowCounts, unmappedRows: KeyedValue[], at: Date): Audit {
  const allowed = change.allowed.reduce((sum, value) => sum + (counts.byType[value] ?? 0), 0);
  return {
    version: 1,
    takenAt: at.toISOString(),
    table: `${change.schema}.${change.table}`,
    column: change.column,
    ...counts,
    ...mostFrequent(counts.byType, KEPT_VALUES),
    healthScore: scoreHealth(allowed, counts.total),
    unmappedRows,
  };
}

const count = (rows: number) => rows.toLocaleString("en-US");
const line = (label: string, value: string) => `${`${label}:`.padEnd(28)} ${value}`;

/** A value of the column on one line, unmistakable: quoted, control characters escaped. */
const show = (value: string | null) => (value === null ? "NULL" : JSON.stringify(value));

function renderDistribution({ byType, total, ...audit }: Audit, change: Change): string[] {
  const entries: [string, number, string][] = Object.entries(byType).map(([value, rows]) => {
    const target = change.normalise.spellings[value];
    const fate = change.allowed.includes(value) ? "" : target ? `→ ${target}` : "UNMAPPED";
    return [show(value), rows, fate];
  });
  const { whenNull } = change.normalise;
  if (audit.null > 0) entries.push(["NULL", audit.null, whenNull ? `→ ${whenNull}` : "UNMAPPED"]);
  const width = Math.max(0, ...entries.map(([value]) => value.length));
  return entries
    .sort((a, b) => b[1] - a[1])
    .map(([value, rows, fate]) => {
      const share = `${((rows / total) * 100).toFixed(1)} %`;
      return `  ${value.padEnd(width)}  ${count(rows).padStart(13)}  ${share.padStart(7)}  ${fate}`.trimEnd();
    });
}

function renderVerdict({ unmapped, unmappedRows }: Audit, limit: number): string[] {
  if (unmapped === 0) return ["Every value is allowed or mapped: the migration can take all rows."];
  const listed = unmappedRows.slice(0, limit).map(({ key, value }) => `  ${key}: ${show(value)}`);
  const more = unmapped - listed.length;
  return [
    `UNMAPPED VALUES: ${count(unmapped)} rows hold a value that no rule maps. Phase 1 will refuse to start.`,
    "Add the spellings to change.normalise in the stack config, or correct these rows:",
    ...listed,
    ...(more > 0 ? [`  … and ${count(more)} more`] : []),
  ];
}

/** The audit as a person reads it, with up to `limit` unmapped rows. Pure. */
export function renderAudit(audit: Audit, change: Change, limit: number): string[] {
  const { percent, status } = audit.healthScore;
  const { furtherValues } = audit;
  return [
    `Data audit of ${audit.table}.${audit.column}, ${audit.takenAt}`,
    "",
    line("Total rows", count(audit.total)),
    line(`NULL ${audit.column}`, count(audit.null)),
    line(
      `Invalid ${audit.column}`,
      `${count(audit.invalid)} (outside ${change.allowed.join(", ")}; NULL included)`,
    ),
    line("Unmapped (of the invalid)", count(audit.unmapped)),
    line("Health score", `${percent === null ? "–" : `${percent.toFixed(1)} %`} (${status})`),
    "",
    "Distribution:",
    ...renderDistribution(audit, change),
    ...(furtherValues.values > 0
      ? [`  … and ${count(furtherValues.values)} more values in ${count(furtherValues.rows)} rows`]
      : []),
    "",
    ...renderVerdict(audit, limit),
  ];
}
