import pg from "pg";
import { sha256Of } from "../../system/sha256.ts";
import type { Change } from "./change.ts";

/** Names of our own triggers on the table, as a POSIX expression. */
export const OWN_TRIGGER_NAME = "^[!~]rollout_";

export const quoteName = (name: string) => pg.escapeIdentifier(name);
export const quoteText = (value: string) => pg.escapeLiteral(value);

/** `"schema"."table"`, safe in any statement. */
export function tableName(change: Change): string {
  return `${quoteName(change.schema)}.${quoteName(change.table)}`;
}

/** How the change is named to people: `deals.deal_type`, with the schema unless it is `public`. */
export function subjectOf({ schema, table, column }: Change): string {
  return `${schema === "public" ? "" : `${schema}.`}${table}.${column}`;
}

/** A value as people read it in a plan or a message: `NULL` or `"carve-out"`, control characters visible. */
export function showValue(value: string | null): string {
  return value === null ? "NULL" : JSON.stringify(value);
}

/**
 * Expression: these columns of a row of `alias` as one text, as a dump has them. Each by its full name: `alias` alone
 * would mean a column of that name, and JSON does not take every text that a json column holds.
 */
export function rowText(alias: string, columns: readonly string[]): string {
  return `ROW(${columns.map((name) => `${alias}.${quoteName(name)}`).join(", ")})::text`;
}

function valueList(values: readonly string[]): string {
  return values.map(quoteText).join(", ");
}

/** Condition: the value is old-style, so a rule of the change maps it. Never NULL itself. */
export function oldStyle({ normalise }: Change, value: string): string {
  const spellings = Object.keys(normalise.spellings);
  const parts = [
    ...(normalise.whenNull === undefined ? [] : [`${value} IS NULL`]),
    ...(spellings.length === 0 ? [] : [`coalesce(${value} IN (${valueList(spellings)}), false)`]),
  ];
  return parts.length === 0 ? "false" : `(${parts.join(" OR ")})`;
}

/** Condition: the value is outside `allowed`, NULL included. */
export function outsideAllowed({ allowed }: Change, value: string): string {
  return `(${value} IS NULL OR ${value} NOT IN (${valueList(allowed)}))`;
}

/** Condition: no rule maps the value, and it is not allowed either. */
export function unmapped(change: Change, value: string): string {
  return `(${outsideAllowed(change, value)} AND NOT ${oldStyle(change, value)})`;
}

/** Expression: the allowed value that an old-style one becomes; any other value as it is. */
export function mapped({ normalise }: Change, value: string): string {
  const whens = Object.entries(normalise.spellings).map(
    ([from, to]) => `WHEN ${value} = ${quoteText(from)} THEN ${quoteText(to)}`,
  );
  if (normalise.whenNull !== undefined) {
    whens.push(`WHEN ${value} IS NULL THEN ${quoteText(normalise.whenNull)}`);
  }
  return whens.length === 0 ? value : `CASE ${whens.join(" ")} ELSE ${value} END`;
}

/** What an old-style value becomes, as `mapped` says it in SQL. */
export function mapValue({ normalise }: Change, value: string | null): string | null {
  if (value === null) return normalise.whenNull ?? null;
  return Object.hasOwn(normalise.spellings, value) ? (normalise.spellings[value] ?? null) : value;
}

/** `name` + `suffix` within PostgreSQL's 63 bytes; a name that is cut keeps itself apart by a digest. */
export function suffixedName(name: string, suffix: string): string {
  if (name.length + suffix.length <= 63) return name + suffix;
  const digest = sha256Of(name).slice(0, 8);
  return `${name.slice(0, 63 - suffix.length - 9)}_${digest}${suffix}`;
}
