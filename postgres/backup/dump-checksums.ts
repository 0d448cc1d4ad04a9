import type { Client } from "pg";
import { type DumpTable, qualified, quoted } from "./dump-inventory.ts";

/** Rows of a table and two independent sums of hashes over their text; the order of rows plays no part. */
export interface TableChecksum {
  schema: string;
  name: string;
  rows: number;
  /** Decimal text: sums of 64-bit hashes with two seeds. Equal rows give equal sums, on any server. */
  hashes: [string, string];
}

export interface LargeObjectChecksum {
  count: number;
  hashes: [string, string];
}

/**
 * Settings that a row's text depends on. The same on both sides of a comparison, or equal rows would differ.
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html
 */
export const TEXT_SETTINGS: Record<string, string> = {
  TimeZone: "UTC",
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  lc_monetary: "C",
  search_path: "pg_catalog",
  // An error instead of missing rows, should a policy hide any.
  row_security: "off",
};

interface SumRow {
  rows: string;
  first: string;
  second: string;
}

// OFFSET 0 keeps the planner from writing the text's expression out twice: half of the work, on one core, while the
// dump has the other.
const sums = (text: string, from: string) => `
SELECT count(*)::text AS rows, coalesce(sum(hashtextextended(r.line COLLATE "C", 1)), 0)::text AS first,
       coalesce(sum(hashtextextended(r.line COLLATE "C", 2)), 0)::text AS second
  FROM (SELECT ${text} AS line FROM ${from} OFFSET 0) r`;

/** Reads every row of the table once. The table alone, without its children: they are tables of their own. */
export async function checksumTable(client: Client, table: DumpTable): Promise<TableChecksum> {
  const columns = table.columns.map((column) => `t.${quoted(column)}`);
  const { rows } = await client.query<SumRow>(
    sums(`ROW(${columns.join(", ")})::text`, `ONLY ${qualified(table)} t`),
  );
  const sum = rows[0] as SumRow;
  return {
    schema: table.schema,
    name: table.name,
    rows: Number(sum.rows),
    hashes: [sum.first, sum.second],
  };
}

/** Large objects, each by its number and the SHA-256 of its content. */
export async function checksumLargeObjects(client: Client): Promise<LargeObjectChecksum> {
  const { rows } = await client.query<SumRow>(
    sums("(m.oid::text || encode(sha256(lo_get(m.oid)), 'hex'))", "pg_largeobject_metadata m"),
  );
  const sum = rows[0] as SumRow;
  return { count: Number(sum.rows), hashes: [sum.first, sum.second] };
}
