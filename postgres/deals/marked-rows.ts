import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import type { Change } from "../migration/change.ts";
import { quoteName, tableName } from "../migration/change-sql.ts";

/** How rows of ours are told from others: a column whose value begins with the prefix and goes on at random. */
export interface Marker {
  field: string;
  prefix: string;
}

/** A row of ours. */
export interface MarkedRow {
  key: string;
  marker: string;
}

/** Random hex digits after the prefix. */
const MARKER_DIGITS = 16;

/** A marker that no other row bears. */
export const newMarker = ({ prefix }: Pick<Marker, "prefix">) =>
  prefix + randomBytes(MARKER_DIGITS / 2).toString("hex");

const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, "\\$&");

/** Whether a value is one that we made: a real row that only begins like it is left alone. */
function isMarker(value: string, { prefix }: Marker): boolean {
  const rest = value.startsWith(prefix) ? value.slice(prefix.length) : "";
  return rest.length === MARKER_DIGITS && /^[0-9a-f]+$/.test(rest);
}

/** Whether the table has the marker's column. */
export async function hasColumn(client: Client, change: Change, column: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped",
    [tableName(change), column],
  );
  return rows.length > 0;
}

/** All rows of ours, wherever they come from. */
export async function findMarked(client: Client, change: Change, marker: Marker): Promise<MarkedRow[]> {
  const [key, field] = [`t.${quoteName(change.key)}`, `t.${quoteName(marker.field)}`];
  const { rows } = await client.query<MarkedRow>(
    `SELECT ${key}::text AS key, ${field}::text AS marker FROM ${tableName(change)} AS t
     WHERE ${field} LIKE $1 ORDER BY ${key}`,
    [`${escapeLike(marker.prefix)}%`],
  );
  return rows.filter(({ marker: value }) => isMarker(value, marker));
}

/** Deletes one row of ours, and only while it still bears its marker. @returns whether it was there. */
export async function deleteMarked(
  client: Client,
  change: Change,
  { field }: Marker,
  { key, marker }: MarkedRow,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `DELETE FROM ${tableName(change)} AS t WHERE t.${quoteName(change.key)} = $1 AND t.${quoteName(field)} = $2`,
    [key, marker],
  );
  return rowCount === 1;
}
