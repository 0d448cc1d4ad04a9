import assert from "node:assert/strict";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../postgres/connect.ts";
import { createDatabase, testCluster } from "../database.ts";
import { makePooler } from "../pooler.ts";

function startPooler(port: number): Promise<Server> {
  const server = makePooler(port);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

describe("connect", () => {
  it("opens a direct session with pinned settings", async () => {
    const client = await connect(await createDatabase());
    const { rows } = await client.query(
      "SELECT current_setting('search_path') AS path, current_setting('TimeZone') AS zone",
    );
    assert.deepEqual(rows[0], { path: "pg_catalog,pg_temp", zone: "UTC" });
    await client.end();
  });

  it("leaves no statement running on the server when its process is gone", async () => {
    const url = await createDatabase();
    const watcher = await connect(url);
    // The server itself would never look.
    await watcher.query(
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET client_connection_check_interval = 0`,
    );
    const client = await connect(url);
    const running = client.query("SELECT pg_sleep(60)").catch(() => "broken");
    const atWork = async () =>
      (
        await watcher.query(
          "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'",
        )
      ).rowCount;
    while ((await atWork()) === 0) await sleep(20);
    (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
    assert.equal(await running, "broken");
    const until = Date.now() + 30_000;
    while ((await atWork()) !== 0 && Date.now() < until) await sleep(50);
    assert.equal(await atWork(), 0);
    await watcher.end();
  });

  it("refuses a connection pooler by name", async () => {
    const url = new URL(await createDatabase());
    const pooler = await startPooler(Number(url.port));
    url.port = String((pooler.address() as { port: number }).port);
    await assert.rejects(
      connect(url.href),
      /got a connection pooler such as PgBouncer in between \([^()]*\)\. [^()]*port\.$/,
    );
    pooler.close();
  });

  it("says where it wanted to go and what to do, never the password", async () => {
    const cluster = await testCluster();
    const cases: [string, RegExp][] = [
      [cluster.url("nowhere"), /database nowhere, got no database nowhere on that server/],
      ["postgres://u:canary@127.0.0.1:1/d", /127\.0\.0\.1:1, database d, got a refused connection/],
      ["postgres://u:canary@no.such.host.invalid/d", /no\.such\.host\.invalid:5432, database d, got /],
      [cluster.url().replace(/:[^:@/]+@/, ":canary@"), /got a refused password for role rollout/],
    ];
    for (const [url, expected] of cases) {
      const error = await connect(url).then(
        () => assert.fail("connected"),
        (thrown: Error) => thrown,
      );
      assert.match(error.message, expected);
      assert.equal(error.name, "StepError");
      assert.doesNotMatch(error.message, /canary/);
    }
  });
});
