import assert from "node:assert/strict";
import pg from "pg";
import { APP, REPORT } from "../../sandbox/database/roles.ts";
import { seed } from "../../sandbox/database/seed.ts";
import { ODDITIES, SHARES, UNMAPPED } from "../../sandbox/oddities.ts";
import { createDatabase } from "../database.ts";

const quiet = () => undefined;

async function seeded(deals: number, unmapped = false): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: await createDatabase("seed") });
  await client.connect();
  // The tests' own server: the roles that the grants name have no sandbox here.
  for (const role of [APP, REPORT])
    await client.query(`DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  await seed(client, { deals, unmapped }, quiet);
  return client;
}

async function counts(client: pg.Client): Promise<Map<string | null, number>> {
  const { rows } = await client.query("SELECT deal_type, count(*)::int AS count FROM deals GROUP BY 1");
  return new Map(rows.map(({ deal_type, count }) => [deal_type, count]));
}

/** All rows of all tables of the app in one number. */
async function checksum(client: pg.Client): Promise<string> {
  const parts = ["deals", "analyses", "cost_items"].map(
    (table) => `(SELECT sum(hashtextextended(t::text, 7)) FROM ${table} t)::text`,
  );
  const { rows } = await client.query(`SELECT ${parts.join(" || '/' || ")} AS sum`);
  return rows[0].sum;
}

describe("the seed", () => {
  it("holds about 30 % deals without a type, each old spelling, and nothing that no rule maps", async () => {
    const client = await seeded(20_000);
    const byType = await counts(client);
    const total = [...byType.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(total, 20_000);
    assert.ok(Math.abs((byType.get(null) ?? 0) / total - 0.3) < 0.01);
    for (const { spelling } of ODDITIES) assert.ok(byType.get(spelling), JSON.stringify(spelling));
    const known = [
      null,
      "acquisition",
      "carveout",
      "divestiture",
      ...ODDITIES.map(({ spelling }) => spelling),
    ];
    assert.deepEqual(
      [...byType.keys()].filter((type) => !known.includes(type)),
      [],
    );
    await client.end();
  });

  it("accounts for all of 10,000 shares", () => {
    const odd = ODDITIES.reduce((sum, { per10k }) => sum + per10k, 0);
    assert.equal(
      Object.values(SHARES).reduce((sum, share) => sum + share, odd),
      10_000,
    );
  });

  it("is the same every time, and goes on where a smaller one ends", async () => {
    const [first, second] = [await seeded(3_000), await seeded(3_000)];
    assert.equal(await checksum(first), await checksum(second));
    await second.query("DELETE FROM deals WHERE id > 1000");
    const small = await seeded(1_000);
    const sum = "SELECT sum(hashtextextended(t::text, 7)) AS sum FROM deals t";
    assert.deepEqual((await second.query(sum)).rows, (await small.query(sum)).rows);
    for (const client of [first, second, small]) await client.end();
  });

  it("plants the unmapped spellings only when asked, one deal each, also in a tiny table", async () => {
    for (const deals of [10, 5_000]) {
      const client = await seeded(deals, true);
      const byType = await counts(client);
      for (const spelling of UNMAPPED) assert.equal(byType.get(spelling), 1, spelling);
      await client.end();
    }
  });

  it("has names of all the world, rows of about 200 bytes, related tables, and revision 003", async () => {
    const client = await seeded(5_000);
    const one = async (sql: string) => Object.values((await client.query(sql)).rows[0])[0];
    for (const letter of ["Å", "北", "🚀", "ش", "Γ", "'", '"'])
      assert.ok(
        await one(`SELECT bool_or(name || target_name LIKE '%${letter.replace("'", "''")}%') FROM deals`),
        letter,
      );
    const bytes = Number(await one("SELECT avg(pg_column_size(d.*)) FROM deals d"));
    assert.ok(bytes > 150 && bytes < 300, String(bytes));
    assert.equal(await one("SELECT count(*)::int FROM analyses"), 500);
    assert.equal(await one("SELECT count(*)::int FROM cost_items"), 1_500);
    assert.equal(await one("SELECT version_num FROM alembic_version"), "003");
    assert.equal(
      await one("INSERT INTO deals (name, target_name) VALUES ('a', 'b') RETURNING id::int"),
      5_001,
    );
    await client.end();
  });

  it("has the analyses that the baseline release computes for the same deals, to the cent", async () => {
    const { analyse } = await import("../../sandbox/app/baseline/analysis.ts");
    const client = await seeded(2_000);
    const { rows } = await client.query(
      "SELECT deals.*, synergy_total AS s, cost_total AS c FROM analyses JOIN deals ON deals.id = deal_id",
    );
    assert.equal(rows.length, 200);
    for (const { s, c, ...deal } of rows) {
      const { synergy_total, cost_total } = analyse(deal, {} as never);
      assert.deepEqual([synergy_total, cost_total], [s, c], deal.id);
    }
    await client.end();
  });

  it("takes 200,000 deals in batches, told in seconds here", async () => {
    const startedAt = performance.now();
    const client = await seeded(200_000);
    console.log(`      200,000 deals seeded in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    const { rows } = await client.query("SELECT count(*)::int, min(id)::int, max(id)::int FROM deals");
    assert.deepEqual(rows, [{ count: 200_000, min: 1, max: 200_000 }]);
    await client.end();
  });
});
