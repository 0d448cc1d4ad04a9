import fc from "fast-check";
import type pg from "pg";

/**
 * The model: a twin of the table without any trigger. Every write goes to both in one transaction, so the twin is
 * what the table would be if the rollout had never been. After the undo the two have to be equal.
 */
export const TWIN = `CREATE TABLE twin (LIKE deals INCLUDING ALL); INSERT INTO twin SELECT * FROM deals;`;

/** Values as old and new code writes them. */
const OLD = [null, "carve-out", "Carve-Out ", "", "seller's"];
const VALID = ["acquisition", "carveout", "divestiture"];

export interface Write {
  kind: string;
  /** Statements for one table; `%T` is its name. */
  statements: [string, unknown[]][];
  /** Rolled back by the application itself. */
  abandoned?: boolean;
}

const id = fc.integer({ min: 1, max: 30 });
const old = fc.constantFrom(...OLD);
const valid = fc.constantFrom(...VALID);
const any = fc.constantFrom(...OLD, ...VALID);

const write = (kind: string, ...statements: [string, unknown[]][]): Write => ({ kind, statements });
const INSERT = "INSERT INTO %T (id, name, deal_type) VALUES ($1, $2, $3)";

const insert = fc
  .tuple(id, any)
  .map(([n, v]) => write("insert", [`${INSERT} ON CONFLICT DO NOTHING`, [n, `n${n}`, v]]));
const omitted = id.map((n) =>
  write("insert without the column", [
    "INSERT INTO %T (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    [n, `n${n}`],
  ]),
);
const many = fc
  .array(fc.tuple(id, any), { minLength: 2, maxLength: 5 })
  .map((rows) =>
    write("insert many", [
      `INSERT INTO %T (id, name, deal_type) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
      [rows.map(([n]) => n), rows.map(([n]) => `n${n}`), rows.map(([, v]) => v)],
    ]),
  );
const update = fc
  .tuple(id, any)
  .map(([n, v]) => write("update", ["UPDATE %T SET deal_type = $2 WHERE id = $1", [n, v]]));
const updateMany = fc
  .tuple(id, id, any)
  .map(([a, b, v]) =>
    write("update many", [
      "UPDATE %T SET deal_type = $3 WHERE id BETWEEN $1 AND $2",
      [Math.min(a, b), Math.max(a, b), v],
    ]),
  );
const other = id.map((n) =>
  write("update another column", ["UPDATE %T SET budget = budget + 1 WHERE id = $1", [n]]),
);
const rekey = fc
  .tuple(id, id)
  .map(([a, b]) =>
    write("change the key", [
      "UPDATE %T SET id = $2 WHERE id = $1 AND NOT EXISTS (SELECT FROM %T WHERE id = $2)",
      [a, b],
    ]),
  );
const rekeyAssign = fc
  .tuple(id, id, any)
  .map(([a, b, v]) =>
    write("change key and value", [
      "UPDATE %T SET id = $2, deal_type = $3 WHERE id = $1 AND NOT EXISTS (SELECT FROM %T WHERE id = $2)",
      [a, b, v],
    ]),
  );
const shift = fc
  .constantFrom(40, -40)
  .map((by) =>
    write("shift all keys", [
      `UPDATE %T SET id = id + $1::int WHERE NOT EXISTS (SELECT FROM %T t WHERE t.id = %T.id + $1::int)`,
      [by],
    ]),
  );
const remove = id.map((n) => write("delete", ["DELETE FROM %T WHERE id = $1", [n]]));
const replace = fc
  .tuple(id, any)
  .map(([n, v]) =>
    write(
      "delete and insert again",
      ["DELETE FROM %T WHERE id = $1", [n]],
      [`${INSERT} ON CONFLICT DO NOTHING`, [n, `n${n}`, v]],
    ),
  );
const upsert = fc
  .tuple(id, any)
  .map(([n, v]) =>
    write("upsert by key", [
      `${INSERT} ON CONFLICT (id) DO UPDATE SET deal_type = EXCLUDED.deal_type`,
      [n, `n${n}`, v],
    ]),
  );
/** The conflict is on another column than the key: the proposed row has a key of its own that never gets in. */
const upsertByName = fc.tuple(id, any).map(([n, v]) =>
  write("upsert by name", [
    `INSERT INTO %T (id, name, deal_type) SELECT 500 + $1, $2, $3
       WHERE EXISTS (SELECT FROM %T WHERE name = $2) ON CONFLICT (name) DO UPDATE SET deal_type = EXCLUDED.deal_type`,
    [n, `n${n}`, v],
  ]),
);
const upsertOther = fc
  .tuple(id, old)
  .map(([n, v]) =>
    write("upsert another column", [`${INSERT} ON CONFLICT (id) DO UPDATE SET budget = 7`, [n, `n${n}`, v]]),
  );
const nothingThenUpdate = fc
  .tuple(id, old, valid)
  .map(([n, v, w]) =>
    write(
      "insert in vain, then update",
      [`${INSERT} ON CONFLICT DO NOTHING`, [n, `n${n}`, v]],
      ["UPDATE %T SET deal_type = $2 WHERE id = $1", [n, w]],
    ),
  );
const vainThenReplace = fc
  .tuple(id, old, any)
  .map(([n, v, w]) =>
    write(
      "insert in vain, delete, insert",
      [`${INSERT} ON CONFLICT DO NOTHING`, [n, `n${n}`, v]],
      ["DELETE FROM %T WHERE id = $1", [n]],
      [`${INSERT} ON CONFLICT DO NOTHING`, [n, `n${n}`, w]],
    ),
  );

/** One random write to one key (safe beside others: it can't deadlock). */
export const singleWrite = fc.oneof(
  ...[
    insert,
    omitted,
    update,
    update,
    other,
    remove,
    replace,
    upsert,
    upsertOther,
    nothingThenUpdate,
    vainThenReplace,
  ],
);

/** Any random write, several rows at once, key changes and transactions given up included. */
export const anyWrite: fc.Arbitrary<Write> = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: singleWrite },
      { weight: 6, arbitrary: fc.oneof(many, updateMany, rekey, rekeyAssign, upsertByName) },
      { weight: 1, arbitrary: shift },
    ),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([w, n]) => (n === 0 ? { ...w, abandoned: true } : w));

/** Writes to table and twin in one transaction; an error in either takes both back and is returned. */
export async function writeBoth(
  client: pg.Client,
  { statements, abandoned }: Write,
  { alone = false } = {},
): Promise<unknown> {
  await client.query("BEGIN");
  // Two writers at one key would not meet in the same order in both tables: the first one keeps the key to itself.
  if (alone) await client.query("SELECT pg_advisory_xact_lock($1)", [statements[0]?.[1][0]]);
  try {
    for (const [text, values] of statements) {
      await client.query(text.replaceAll("%T", "deals"), values);
      await client.query(text.replaceAll("%T", "twin"), values);
    }
    await client.query(abandoned ? "ROLLBACK" : "COMMIT");
    return undefined;
  } catch (error) {
    await client.query("ROLLBACK");
    return error;
  }
}

/** Rows in which table and twin differ, as text; empty when they are equal. */
export async function readDifferences(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT d::text AS deal, t::text AS twin FROM deals d FULL JOIN twin t USING (id)
     WHERE d::text IS DISTINCT FROM t::text ORDER BY id`,
  );
  return rows.map(({ deal, twin }) => `${deal} instead of ${twin}`);
}
