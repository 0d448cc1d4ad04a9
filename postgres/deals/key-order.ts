import type { Client } from "pg";
import type { Change } from "../migration/change.ts";
import { quoteName, tableName } from "../migration/change-sql.ts";

/** The order in which a table's keys come: negative when `a` comes before `b`. */
export interface KeyOrder {
  /** Whether it can be told here; else each comparison asks the database. */
  local: boolean;
  compare(a: string, b: string): number | Promise<number>;
}

const INTEGERS = ["int2", "int4", "int8"];

/** Integers of any length by their decimal texts. Pure. */
export function compareIntegers(a: string, b: string): number {
  const [below, other] = [a.startsWith("-"), b.startsWith("-")];
  if (below !== other) return below ? -1 : 1;
  const size = a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return below ? 0 - size : size;
}

/** Texts by their bytes in UTF-8, as PostgreSQL's collation C has them, and uuid as well. Pure. */
export const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const KEY_FACTS = `
SELECT ty.typname::text AS type, c.collname::text AS collation FROM pg_attribute a
  JOIN pg_type ty ON ty.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation
 WHERE a.attrelid = $1::regclass AND a.attname = $2`;

/** The column's own collation decides: beside its values, the two are of its type. */
const firstOf = (change: Change) => `
SELECT x.key = $1 AS first FROM (
  SELECT t.${quoteName(change.key)} AS key FROM ${tableName(change)} AS t WHERE false
  UNION ALL SELECT $1 UNION ALL SELECT $2) AS x ORDER BY x.key LIMIT 1`;

/**
 * The order that a table's key has in the database. Numbers, uuids and texts in collation C are compared here; of any
 * other the database is asked, which alone knows its collations.
 */
export async function readKeyOrder(client: Client, change: Change): Promise<KeyOrder> {
  const { rows } = await client.query<{ type: string; collation: string | null }>(KEY_FACTS, [
    tableName(change),
    change.key,
  ]);
  const { type = "", collation = null } = rows[0] ?? {};
  if (INTEGERS.includes(type)) return { local: true, compare: compareIntegers };
  if (type === "uuid" || collation === "C" || collation === "POSIX")
    return { local: true, compare: compareBytes };
  return {
    local: false,
    async compare(a, b) {
      if (a === b) return 0;
      const asked = await client.query<{ first: boolean }>(firstOf(change), [a, b]);
      return asked.rows[0]?.first ? -1 : 1;
    },
  };
}
