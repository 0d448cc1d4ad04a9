import assert from "node:assert/strict";
import fc from "fast-check";
import { compareBytes, compareIntegers, readKeyOrder } from "../../postgres/deals/key-order.ts";
import { createDatabase } from "../database.ts";
import { change, makeDeps, runSql } from "../steps/preflight-deps.ts";

describe("order of a table's keys", () => {
  it("of integers is that of their values, however long", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        assert.equal(Math.sign(compareIntegers(String(a), String(b))), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  for (const [type, values] of [
    ["bigint", ["-9223372036854775808", "-10", "-9", "0", "9", "10", "9223372036854775807"]],
    [
      "uuid",
      [
        "00000000-0000-0000-0000-00000000000a",
        "a0000000-0000-0000-0000-000000000000",
        "f0000000-0000-0000-0000-000000000000",
      ],
    ],
    ['text COLLATE "C"', ["", "B", "a", "ä", "\uffff", "😀"]],
    ['text COLLATE "und-x-icu"', ["a", "B", "ä", "Z", "'; --"]],
    ["numeric", ["-1.50", "2", "10", "10.1"]],
  ] as [string, string[]][])
    it(`is the database's own: ${type}`, async () => {
      const url = await createDatabase();
      await runSql(url, `CREATE TABLE deals (id ${type} PRIMARY KEY, deal_type text)`);
      const client = await makeDeps(url).connect();
      try {
        await client.query(`INSERT INTO public.deals SELECT unnest($1::text[])::${type.split(" ")[0]}`, [
          values,
        ]);
        const { rows } = await client.query<{ id: string }>(
          "SELECT id::text AS id FROM public.deals ORDER BY deals.id",
        );
        const keys = rows.map(({ id }) => id);
        const { compare } = await readKeyOrder(client, change);
        for (const [at, a] of keys.entries())
          for (const [place, b] of keys.entries())
            assert.equal(Math.sign(await compare(a, b)), Math.sign(at - place), `${a} and ${b}`);
      } finally {
        await client.end();
      }
    });

  it("of texts by their bytes puts what UTF-16 writes in two after all others", () => {
    assert.ok(compareBytes("\uffff", "😀") < 0);
  });
});
