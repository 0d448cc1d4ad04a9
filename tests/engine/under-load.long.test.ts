import assert from "node:assert/strict";
import type pg from "pg";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { AppUsers } from "./app-users.ts";
import { Checkout } from "./checkout.ts";

describe("journey while users work", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let client: pg.Client;
  let users: AppUsers;
  let schema: unknown;

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "8000");
    client = await checkout.connect();
    schema = await snapshotSchema(client);
    users = await AppUsers.meet((await checkout.sandboxUrl()).app, client);
    users.start();
  });

  after(async () => {
    await users?.stop();
    await client?.end();
    await checkout?.dispose();
  });

  it("advances, goes back, advances and is destroyed without one failed request", async () => {
    await checkout.toPhase(0);
    await checkout.toPhase(1);
    await checkout.toPhase(0);
    await checkout.toPhase(1);
    await checkout.rollout("destroy", "--yes");
    await users.stop();
    assert.deepEqual(users.failures, []);
    assert.ok(users.writes > 200, `expected users at work, got ${users.writes} writes`);
  });

  it("leaves every deal with the last value that a user was told has been written", async () => {
    const { rows } = await client.query<{ id: string; deal_type: string | null }>(
      "SELECT id::text, deal_type FROM deals",
    );
    const found = new Map(rows.map(({ id, deal_type }) => [id, deal_type]));
    const wrong = [...users.model].filter(([id, value]) => !found.has(id) || found.get(id) !== value);
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.equal(found.size, users.model.size);
  });

  it("leaves schema, constraints, roles and rights as they were", async () => {
    assert.deepEqual(await snapshotSchema(client), schema);
  });
});
