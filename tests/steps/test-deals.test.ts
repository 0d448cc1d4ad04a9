import assert from "node:assert/strict";
import { newMarker } from "../../postgres/deals/marked-rows.ts";
import { removalBlockers } from "../../steps/smoke/deal-removal.ts";
import { type TestDeals, undoTestDeals, withTestDeals } from "../../steps/smoke/test-deals.ts";
import { FIXTURE_TABLES } from "../browser/fixture-app.ts";
import { createDatabase } from "../database.ts";
import { change, makeDeps, runSql } from "./preflight-deps.ts";

const MARKER = { field: "name", prefix: "rollout-check-" };
/** No application answers there, so the database removes them. */
const DEALS: TestDeals = {
  ...{ change, app: { url: "http://127.0.0.1:9" }, removal: { remove: { path: "/deals/{key}" } } },
  ...{ marker: MARKER, step: "trial" },
};

describe("work with test deals", () => {
  let url: string;
  before(async () => {
    url = await createDatabase();
    await runSql(url, ...FIXTURE_TABLES);
  });

  const create = async () =>
    void (await runSql(
      url,
      `INSERT INTO deals (name, deal_type) VALUES ('${newMarker(MARKER)}', 'carveout')`,
    ));
  const left = async () => (await runSql(url, "SELECT 1 FROM deals"))[0]?.rowCount;

  it("leaves none, those of a killed run included, and none of a user's removed", async () => {
    await create();
    const deps = makeDeps(url);
    const done = await withTestDeals(DEALS, deps, create);
    assert.deepEqual([done.removed, done.byDatabase, done.left, await left()], [2, 2, [], 2]);
    assert.match(deps.lines.join("\n"), /^trial: removed 1 test deals that an earlier run left$/m);
  });

  describe("of an application without a DELETE route", () => {
    /** Something hangs on each deal, as in most databases. */
    const createWithCosts = async () => {
      await runSql(
        url,
        "CREATE TABLE IF NOT EXISTS costs (deal_id bigint REFERENCES deals (id), amount int)",
      );
      await create();
      await runSql(url, "INSERT INTO costs SELECT id, 1 FROM deals WHERE name LIKE 'rollout-check-%'");
    };
    const by = (remove: TestDeals["removal"]["remove"]): TestDeals => ({ ...DEALS, removal: { remove } });

    it("go with what hangs on them by the configured statements", async () => {
      const deals = by({ sql: ["DELETE FROM public.costs WHERE deal_id = :key::bigint"] });
      const done = await withTestDeals(deals, makeDeps(url), createWithCosts);
      assert.deepEqual([done.removed, done.byDatabase, done.left, await left()], [1, 1, [], 2]);
    });

    it("go by the configured command, which gets key and marker", async () => {
      const sql =
        "DELETE FROM costs WHERE deal_id = '{key}'; DELETE FROM deals WHERE id = '{key}' AND name = '{marker}'";
      const deals = by({ command: ["psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", sql] });
      const done = await withTestDeals(deals, makeDeps(url), createWithCosts);
      assert.deepEqual([done.removed, done.byDatabase, done.left, await left()], [1, 0, [], 2]);
    });

    it("are named with key, reason and statement when none of it helps, and the undo tries again", async () => {
      const deals = by({ path: "/deals/{key}", command: ["false"] });
      const deps = makeDeps(url);
      const { left: lines } = await withTestDeals(deals, deps, createWithCosts);
      assert.match(
        lines[0] ?? "",
        /^test deal \d+ is still there: false: exit code 1; in the database: .*foreign key.*DELETE FROM "?public"?\."?deals"? WHERE "?id"? = '\d+' AND "?name"? = 'rollout-check-[0-9a-f]{16}'$/,
      );
      const { kept } = await undoTestDeals(deals, deps);
      assert.match(kept[0]?.reason ?? "", /Remove it: DELETE FROM/);
      const sql = ["DELETE FROM public.costs WHERE deal_id = :key"];
      assert.deepEqual((await undoTestDeals(by({ sql }), deps)).kept, []);
      assert.equal(await left(), 2);
    });

    it("have their ways looked at before: a program that is not there, a statement that the server refuses", async () => {
      const client = await makeDeps(url).connect();
      try {
        const removal = {
          remove: { command: ["no-such-program"], sql: ["DELETE FROM costs WHERE id = :key"] },
        };
        const faults = await removalBlockers(removal, client, "smoke-test");
        assert.match(faults[0] ?? "", /expected the program no-such-program to be there, got none/);
        assert.match(faults[1] ?? "", /smokeTest\.remove\.sql\[0\] .* got relation "costs" does not exist/);
        assert.deepEqual(
          await removalBlockers(
            { remove: { sql: ["DELETE FROM public.deals WHERE id = :key"] } },
            client,
            "x",
          ),
          [],
        );
      } finally {
        await client.end();
      }
    });
  });

  it("leaves none either when the work fails", async () => {
    const work = () => create().then(() => Promise.reject(new Error("the browser ended")));
    await assert.rejects(withTestDeals(DEALS, makeDeps(url), work), /^Error: the browser ended$/);
    assert.equal(await left(), 2);
  });

  it("says why the work failed, not that its deals could not be removed, and tells that as well", async () => {
    const deps = makeDeps(url);
    const work = async () => {
      deps.connect = () => Promise.reject(new Error("database is down"));
      throw new Error("the browser ended");
    };
    await assert.rejects(withTestDeals(DEALS, deps, work), /^Error: the browser ended$/);
    assert.match(
      deps.lines.join("\n"),
      /trial: test deals may be there still \(database is down\); the next run/,
    );
  });
});
