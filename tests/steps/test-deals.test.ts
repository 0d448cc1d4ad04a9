import assert from "node:assert/strict";
import { newMarker } from "../../postgres/deals/marked-rows.ts";
import { type TestDeals, withTestDeals } from "../../steps/smoke/test-deals.ts";
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
