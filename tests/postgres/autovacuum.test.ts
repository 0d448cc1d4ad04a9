import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { withTableLock } from "../../postgres/lock-retry.ts";
import { MigrationOptions } from "../../postgres/migration/migration-options.ts";
import { readTargetFacts } from "../../postgres/migration/target-facts.ts";
import { judgeTarget } from "../../postgres/migration/target-findings.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const OPTIONS = MigrationOptions.parse({
  ...{ strategy: "online", batchSize: 1000, connections: 2, lockTimeoutMs: 50 },
  ...{ appTriggers: "refuse", reaffirmed: "keep" },
});

/** Rows that are dead or new, so that a worker which may touch few pages a second is at it for long. */
const TABLE = `CREATE TABLE deals (id bigint PRIMARY KEY, deal_type text, filler text DEFAULT repeat('x', 200))
  WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 10,
        autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 2000000000, autovacuum_freeze_max_age = 100000)`;

describe("an autovacuum at work on the table", function () {
  this.timeout(90_000);
  let cluster: Cluster;
  let client: pg.Client;

  before(async () => {
    cluster = await startCluster({
      directory: temporaryFolder("autovacuum"),
      settings: { fsync: "off", autovacuum_naptime: "1s", log_autovacuum_min_duration: "0" },
    });
    client = await connect(cluster.url());
  });
  after(async () => {
    await client?.end();
    await cluster?.stop();
  });

  const WORKER = `SELECT pid, query FROM pg_stat_activity
    WHERE backend_type = 'autovacuum worker' AND query LIKE '%public.deals%'`;
  async function worker(): Promise<{ pid: number; query: string }> {
    for (;;) {
      const { rows } = await client.query(WORKER);
      if (rows[0]) return rows[0];
      await sleep(100);
    }
  }
  const lock = () =>
    withTableLock(
      client,
      {
        ...{ table: "public.deals", mode: "ACCESS EXCLUSIVE", lockTimeoutMs: 50 },
        ...{ signal: AbortSignal.timeout(30_000), log: () => undefined },
      },
      async () => "had it",
    );

  it("gives way to our request for a lock, which alone would be too short for it", async () => {
    await client.query(`${TABLE.replace("TABLE deals", "TABLE public.deals")};
      INSERT INTO public.deals SELECT n FROM generate_series(1, 20000) n; DELETE FROM public.deals WHERE id % 3 = 0`);
    const { pid } = await worker();
    assert.equal(await lock(), "had it");
    assert.notEqual((await client.query(WORKER)).rows[0]?.pid, pid);
  });

  it("to prevent wraparound never does: it is named, before the first change and while we wait", async () => {
    await client.query("SET synchronous_commit = off");
    await client.query(
      "DO $$ BEGIN FOR n IN 1..101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    );
    let found = await worker();
    // One that was begun before the table was old enough would still give way.
    while (!found.query.includes("to prevent wraparound")) {
      await client.query("SELECT pg_cancel_backend($1)", [found.pid]);
      await sleep(200);
      found = await worker();
    }
    const facts = await readTargetFacts(client, CHANGE);
    const { blockers } = judgeTarget(facts, CHANGE, OPTIONS, { made: false });
    assert.deepEqual(blockers, [
      `expected no autovacuum to prevent wraparound on the table, got pid ${found.pid}, which never gives way to a lock. Let it finish.`,
    ]);
    await assert.rejects(lock(), {
      name: "StepError",
      message: `postgres: expected a lock on public.deals, got an autovacuum to prevent wraparound (pid ${found.pid}), which never gives way. Let it finish, then run again.`,
    });
  });
});
