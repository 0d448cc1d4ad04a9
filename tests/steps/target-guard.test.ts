import assert from "node:assert/strict";
import pg from "pg";
import { Chain } from "../../ledger/chain.ts";
import { readChainHead } from "../../postgres/chain-head.ts";
import { ensureRolloutSchema } from "../../postgres/lease.ts";
import { guard } from "../../steps/guard.ts";
import type { StepDeps } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const HASH = "a".repeat(64);
const HEAD = { number: 7, hash: HASH };

describe("the target's memory of the evidence", function () {
  this.timeout(60_000);
  let url: string;
  const clients: pg.Client[] = [];
  const guards: TargetGuard[] = [];
  let opened = 0;

  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const makeGuard = () => {
    const made = new TargetGuard("s", () => {
      opened += 1;
      return connect();
    });
    guards.push(made);
    return made;
  };
  const known = async () => readChainHead(await connect(), "s");
  /** A chain of one record, as no other store has it. */
  const chain = () => {
    const made = Chain.open(temporaryFolder("evidence"));
    made.append({ record: "event", event: "recovered", note: "" });
    return made;
  };

  beforeEach(async () => {
    url = await createDatabase();
    opened = 0;
    await ensureRolloutSchema(await connect());
  });
  afterEach(async () => {
    for (const made of guards.splice(0)) await made.close();
    for (const client of clients.splice(0)) await client.end().catch(() => undefined);
  });

  it("is told how far it reaches, and refuses a store that does not reach there", async () => {
    const target = makeGuard();
    await target.rememberHead(HEAD);
    assert.deepEqual(await known(), { seq: 7, hash: HASH });
    await assert.rejects(target.assertKnows(chain()), { name: "BrokenChain" });
  });

  it("lags behind where the database is read-only, and keeps no step from its work", async () => {
    await (await connect()).query(
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
    );
    const target = makeGuard();
    await target.assertKnows(chain());
    await target.rememberHead(HEAD);
    await target.rememberHead({ ...HEAD, number: 8 });
    assert.equal(await known(), undefined);
    assert.equal(opened, 1, "asked once, not for every record");
  });

  it("lags behind where the database is stuck, both for who reads it and for who writes it", async () => {
    const holder = await connect();
    await holder.query("BEGIN; LOCK TABLE rollout.chain_head IN ACCESS EXCLUSIVE MODE");
    const reader = makeGuard();
    await reader.assertKnows(chain());
    await reader.rememberHead(HEAD);
    await makeGuard().rememberHead(HEAD);
    await holder.query("ROLLBACK");
    assert.equal(await known(), undefined);
  });

  it("is no best effort for a step that changes the database: that one fails", async () => {
    const target = makeGuard();
    const deps = { connect, log: () => {} } as unknown as StepDeps;
    const leased = { ...guard, lease: true };
    const work = target.withLease(leased, deps, async () => {
      const holder = await connect();
      await holder.query("BEGIN; LOCK TABLE rollout.chain_head IN ACCESS EXCLUSIVE MODE");
      await target.rememberHead(HEAD).finally(() => holder.query("ROLLBACK"));
    });
    await assert.rejects(work, /statement timeout/);
  });
});
