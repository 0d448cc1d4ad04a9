import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { runTraffic, sandboxStatus, sandboxUp } from "../../sandbox/index.ts";
import { sandboxPaths } from "../../sandbox/paths.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";

describe("the diligence app in the sandbox", () => {
  let checkout: string;
  let app: string;
  let owner: pg.Client;

  before(async () => {
    checkout = makeCheckout();
    const sandbox = await sandboxUp({ checkout, deals: 200, log: () => undefined });
    app = sandbox.app;
    owner = new pg.Client({ connectionString: sandbox.database });
    await owner.connect();
  });
  after(async () => {
    await owner.end().catch(() => undefined);
    await removeCheckout(checkout);
  });

  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(app + path, { method, ...(body && { body: JSON.stringify(body) }) });
    // biome-ignore lint/suspicious/noExplicitAny: whatever the app answers, tests look into it
    return { status: response.status, body: (await response.json()) as any };
  };
  /** A log of both hosts: either may have had the request. */
  const readLogs = (name: string) =>
    ["sandbox-a", "sandbox-b"]
      .map((host) => join(sandboxPaths(checkout).hosts, host, "log", name))
      .map((file) => (existsSync(file) ? readFileSync(file, "utf8") : ""))
      .join("");
  const one = async (sql: string): Promise<unknown> =>
    Object.values((await owner.query(sql)).rows[0] ?? {})[0];
  const NEW = { name: "Project Łódź", target_name: "株式会社東海" };

  it("stores deals as old code does: no type, or carve-out", async () => {
    const plain = await ask("POST", "/api/v1/deals", NEW);
    const carveOut = await ask("POST", "/api/v1/deals", { ...NEW, carve_out: true });
    assert.deepEqual([plain.status, carveOut.status], [201, 201]);
    assert.equal(await one(`SELECT deal_type IS NULL FROM deals WHERE id = ${plain.body.id}`), true);
    assert.equal(await one(`SELECT deal_type FROM deals WHERE id = ${carveOut.body.id}`), "carve-out");
  });

  it("writes what it does to app.log, one line each, with deal and type", async () => {
    const { body } = await ask("POST", "/api/v1/deals", { ...NEW, deal_type: "Carve-Out " });
    await sleep(100);
    const log = readLogs("app.log");
    assert.match(log, new RegExp(`^\\S+Z INFO deal created deal_id=${body.id} deal_type="Carve-Out "$`, "m"));
  });

  it("answers a row that the database refuses with its own error, and logs it as one", async () => {
    await owner.query(
      "ALTER TABLE deals ADD CONSTRAINT valid_deal_type CHECK (deal_type <> 'invalid') NOT VALID",
    );
    await owner.query("ALTER TABLE deals ADD CONSTRAINT present CHECK (deal_type IS NOT NULL) NOT VALID");
    const refused = await ask("POST", "/api/v1/deals", { ...NEW, deal_type: "invalid" });
    const missing = await ask("POST", "/api/v1/deals", NEW);
    await owner.query("ALTER TABLE deals DROP CONSTRAINT valid_deal_type, DROP CONSTRAINT present");
    assert.deepEqual([refused.status, refused.body.error.code], [422, "invalid_deal"]);
    assert.match(refused.body.error.message, /valid_deal_type/);
    assert.equal(missing.status, 422);
    await sleep(100);
    const log = readLogs("error.log");
    assert.match(log, /ERROR deal refused by the database .*sqlstate=23514 constraint=valid_deal_type/);
  });

  it("stores an analysis with its cost items, and has the worker do the queued ones", async () => {
    const { body: stored } = await ask("POST", "/api/v1/deals/3/analysis");
    const total = await one(`SELECT sum(amount)::text FROM cost_items WHERE analysis_id = ${stored.id}`);
    assert.equal(total, stored.cost_total);
    const before = Number(await one("SELECT count(*) FROM analyses WHERE deal_id = 3"));
    assert.equal((await ask("POST", "/api/v1/deals/3/analysis?queue=1")).status, 202);
    for (let tries = 0; tries < 100 && (await one("SELECT state FROM jobs")) === "queued"; tries += 1)
      await sleep(50);
    assert.equal(await one("SELECT state FROM jobs"), "done");
    assert.equal(Number(await one("SELECT count(*) FROM analyses WHERE deal_id = 3")), before + 1);
  });

  it("writes nothing while nobody asks it to", async () => {
    const writes = async () => {
      await sleep(1_100); // Counters reach the statistics within a second.
      return one("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::text FROM pg_stat_user_tables");
    };
    const before = await writes();
    assert.equal(await writes(), before);
  });

  it("refuses nobody while all its web processes are replaced", async () => {
    const traffic = runTraffic({ app, rate: 100, seconds: 3 });
    await sleep(1_000);
    const status = await sandboxStatus({ checkout });
    for (const { pid } of status.hosts[0]?.units[0]?.processes ?? []) process.kill(pid, "SIGKILL");
    const { sent, failed, refused } = await traffic;
    assert.equal(refused, 0);
    // Those that were in the killed processes' hands, and no more.
    assert.ok(failed < sent / 10, `${failed} of ${sent}`);
  });

  it("tells its health also while the database is down", async () => {
    const { serverProcess } = await import("../../sandbox/database/server.ts");
    const { clusterFolder } = await import("../../sandbox/paths.ts");
    await owner.end();
    const server = serverProcess(clusterFolder(sandboxPaths(checkout)));
    process.kill(server?.pid ?? 0, "SIGINT");
    for (let tries = 0; tries < 100 && serverProcess(clusterFolder(sandboxPaths(checkout))); tries += 1)
      await sleep(50);
    const health = await ask("GET", "/health");
    assert.deepEqual([health.status, health.body.database, health.body.flag], [200, "down", null]);
    const { status, body } = await ask("GET", "/api/v1/deals/3");
    assert.deepEqual([status, body.error.code], [503, "database_unavailable"]);
  });
});
