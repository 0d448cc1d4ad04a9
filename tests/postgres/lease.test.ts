import assert from "node:assert/strict";
import pg from "pg";
import { readChainHead, writeChainHead } from "../../postgres/chain-head.ts";
import { acquireLease, ensureRolloutSchema, LeaseLost } from "../../postgres/lease.ts";
import { createDatabase } from "../database.ts";

describe("lease", () => {
  let url: string;
  let clients: pg.Client[];
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const acquire = (holder: string) => acquireLease(connect, { holder, log: () => undefined });

  beforeEach(async () => {
    url = await createDatabase();
    clients = [];
  });
  afterEach(() => Promise.all(clients.map((client) => client.end().catch(() => undefined))));

  it("is refused to a second run while the first one lives, naming it", async () => {
    const first = await acquire("run one");
    await assert.rejects(
      acquire("run two"),
      /another run holds the lease: run one, since \d{4}-\d\d-\d\dT.*Z\. Wait/,
    );
    await first.release();
    await (await acquire("run two")).release();
  });

  it("goes to exactly one of many who ask at once", async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => acquire(`run ${n}`)));
    const held = results.filter((result) => result.status === "fulfilled");
    assert.equal(held.length, 1);
    await held[0]?.value.release();
  });

  it("is taken over when the holder's backend is gone, and the orphan stops at its fence", async () => {
    const first = await acquire("run one");
    const admin = await connect();
    const { rows } = await admin.query("SELECT pid FROM rollout.lease");
    await admin.query("SELECT pg_terminate_backend($1, 5000)", [rows[0].pid]);
    const second = await acquire("run two");
    assert.ok(second.token > first.token, "tokens rise");
    const worker = await connect();
    await worker.query("BEGIN");
    await assert.rejects(first.fence(worker), LeaseLost);
    await worker.query("ROLLBACK; BEGIN");
    await second.fence(worker);
    await worker.query("COMMIT");
    await second.release();
  });

  it("has tokens that rise though schema rollout was dropped in between", async () => {
    const first = await acquire("run one");
    await first.release();
    const { rowCount } = await (await connect()).query("SELECT FROM pg_namespace WHERE nspname = 'rollout'");
    assert.equal(rowCount, 0);
    const second = await acquire("run two");
    assert.ok(second.token > first.token, `${second.token} after ${first.token}`);
    await second.release();
  });

  it("is taken over when the heartbeat is stale by the database's clock", async () => {
    const first = await acquire("run one");
    const admin = await connect();
    await admin.query("UPDATE rollout.lease SET heartbeat_at = heartbeat_at - interval '31 s'");
    const second = await acquire("run two");
    const worker = await connect();
    await worker.query("BEGIN");
    await assert.rejects(first.fence(worker), LeaseLost);
    await worker.query("ROLLBACK");
    await second.release();
    await first.release();
  });

  it("waits in a takeover for the work in flight", async () => {
    const first = await acquire("run one");
    const worker = await connect();
    await worker.query("BEGIN");
    await first.fence(worker);
    const admin = await connect();
    await admin.query("UPDATE rollout.lease SET heartbeat_at = heartbeat_at - interval '31 s'");
    let taken = false;
    const second = acquire("run two").then((lease) => {
      taken = true;
      return lease;
    });
    const waiting =
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while ((await admin.query(waiting)).rowCount === 0) await new Promise((done) => setTimeout(done, 10));
    assert.equal(taken, false);
    await worker.query("COMMIT");
    await (await second).release();
    await first.release();
  });

  it("leaves no schema behind when nothing was put into it", async () => {
    await (await acquire("run one")).release();
    const { rowCount } = await (await connect()).query("SELECT FROM pg_namespace WHERE nspname = 'rollout'");
    assert.equal(rowCount, 0);
  });

  it("leaves a schema named rollout alone that someone else made", async () => {
    const admin = await connect();
    await admin.query("CREATE SCHEMA rollout");
    await assert.rejects(acquire("run one"), /made by someone else\. Rename it\./);
  });

  it("keeps the chain's head by stack, and knows none without the schema", async () => {
    const client = await connect();
    assert.equal(await readChainHead(client, "a"), undefined);
    await writeChainHead(client, "a", { seq: 1, hash: "x" });
    assert.equal(await readChainHead(client, "a"), undefined);
    await ensureRolloutSchema(client);
    await writeChainHead(client, "a", { seq: 1, hash: "x" });
    await writeChainHead(client, "a", { seq: 2, hash: "y" });
    await writeChainHead(client, "b", { seq: 9, hash: "z" });
    assert.deepEqual(await readChainHead(client, "a"), { seq: 2, hash: "y" });
  });
});
