import type { Client } from "pg";
import type { Change } from "./change.ts";
import { quoteName, quoteText, tableName } from "./change-sql.ts";

/** A column beside key and changed column, which a trigger of the application may assign. */
export interface SideColumn {
  name: string;
  /** As `format_type` spells it. */
  type: string;
}

/** What a trigger made of a row's other columns: name → text before and after. */
export type SideChange = Record<string, [was: string | null, became: string | null]>;

/** Columns that can be assigned: generated ones follow by themselves. */
export async function readSideColumns(client: Client, change: Change): Promise<SideColumn[]> {
  const { rows } = await client.query<SideColumn>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND a.attidentity <> 'a' AND a.attname NOT IN ($2, $3) ORDER BY a.attnum`,
    [tableName(change), change.column, change.key],
  );
  return rows;
}

/** Expression: the row's side columns as texts, in order. Text is what a dump goes by too: it gives the value back. */
export function sideTexts(columns: readonly SideColumn[], row: string): string {
  return `ARRAY[${columns.map(({ name }) => `${row}.${quoteName(name)}::text`).join(", ")}]::text[]`;
}

/** Expression: those that differ between two such arrays, as `SideChange`; NULL when none does. */
export function sideChange(columns: readonly SideColumn[], was: string, became: string): string {
  const names = `ARRAY[${columns.map(({ name }) => quoteText(name)).join(", ")}]::text[]`;
  return `(SELECT jsonb_object_agg(s.name, jsonb_build_array(s.was, s.became))
     FROM unnest(${names}, ${was}, ${became}) AS s (name, was, became) WHERE s.was IS DISTINCT FROM s.became)`;
}

/**
 * Assignment: back to what it was before the trigger, if it still is what the trigger made of it; a value that a
 * user has written since stays.
 * @param side expression of the row's `SideChange`.
 */
export function sideAssignment({ name, type }: SideColumn, side: string): string {
  const [column, key] = [quoteName(name), quoteText(name)];
  return `${column} = CASE WHEN ${side} ? ${key} AND t.${column}::text IS NOT DISTINCT FROM ${side} -> ${key} ->> 1
    THEN (${side} -> ${key} ->> 0)::${type} ELSE t.${column} END`;
}

/** Expression: names of journalled side columns that were not brought back, since a user has written them. */
export function sidesLeft(columns: readonly SideColumn[], side: string): string {
  const left = columns.map(
    ({ name }) =>
      `CASE WHEN ${side} ? ${quoteText(name)} AND t.${quoteName(name)}::text IS DISTINCT FROM ${side} -> ${quoteText(name)} ->> 0 THEN ${quoteText(name)} END`,
  );
  return `array_remove(ARRAY[${left.join(", ")}]::text[], NULL)`;
}
