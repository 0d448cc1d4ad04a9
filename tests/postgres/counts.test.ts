import assert from "node:assert/strict";
import { connect } from "../../postgres/connect.ts";
import { Change } from "../../postgres/migration/change.ts";
import { countRows, listUnmapped } from "../../postgres/migration/counts.ts";
import { createDatabase } from "../database.ts";

const CHANGE = Change.parse({
  table: "deals",
  column: "deal_type",
  key: "id",
  allowed: ["acquisition", "carveout"],
  normalise: { whenNull: "acquisition", spellings: { "carve-out": "carveout" } },
  constraint: "valid_deal_type",
});

describe("row counts", () => {
  it("tell NULL, invalid and unmapped apart, and every value", async () => {
    const client = await connect(await createDatabase());
    await client.query(
      `CREATE TABLE public.deals (id int PRIMARY KEY, deal_type text);
       INSERT INTO public.deals VALUES (1, NULL), (2, NULL), (3, 'carve-out'), (4, 'carveout'), (5, 'TBD'), (6, 'x''y')`,
    );
    assert.deepEqual(await countRows(client, CHANGE), {
      total: 6,
      null: 2,
      invalid: 5,
      unmapped: 2,
      byType: { "carve-out": 1, carveout: 1, TBD: 1, "x'y": 1 },
    });
    assert.deepEqual(await listUnmapped(client, CHANGE, 1), [{ key: "5", value: "TBD" }]);
    const withoutNull = { ...CHANGE, normalise: { spellings: {} } };
    assert.equal((await countRows(client, withoutNull)).unmapped, 5);
    assert.deepEqual(
      (await listUnmapped(client, withoutNull, 9)).map(({ key }) => key),
      ["1", "2", "3", "5", "6"],
    );
    await client.end();
  });

  it("are ended by the server when they take too long", async () => {
    const client = await connect(await createDatabase());
    await client.query(
      "CREATE TABLE public.deals (id int PRIMARY KEY, deal_type text); INSERT INTO public.deals SELECT n, n::text FROM generate_series(1, 300000) n",
    );
    await assert.rejects(countRows(client, CHANGE, { timeoutMs: 1 }), { code: "57014" });
    await client.end();
  });
});
