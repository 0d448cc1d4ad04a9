import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { Checkout } from "./checkout.ts";
import { databaseAtRest } from "./database-at-rest.ts";

describe("journey of a quiet sandbox", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let client: pg.Client;
  let atStart: unknown;

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "3000");
    client = await checkout.connect();
    atStart = await databaseAtRest(client);
  });

  after(async () => {
    await client?.end();
    await checkout?.dispose();
  });

  it("says where things stand before the first up, whichever verb is asked first", async () => {
    for (const verb of ["status", "flag status", "verify", "recover", "backups list"]) {
      rmSync(join(checkout.folder, ".rollout/state"), { recursive: true, force: true });
      const { exitCode, output } = await checkout.try(...verb.split(" "));
      assert.equal(exitCode, 0, `${verb}: ${output}`);
      assert.doesNotMatch(output, /no stack named|FAULTY/);
    }
  });

  it("previews phase 0 without touching anything", async () => {
    const output = await checkout.rollout("preview");
    assert.match(output, /advances to phase 0 \(pre-flight\)/);
    assert.deepEqual(await databaseAtRest(client), atStart);
  });

  it("refuses phase 1 before phase 0, and a phase that there is not", async () => {
    await checkout.rollout("config", "set", "phase", "1");
    const jump = await checkout.try("up", "--yes");
    assert.notEqual(jump.exitCode, 0);
    assert.match(jump.output, /expected phase 0 at the most/);
    await checkout.rollout("config", "set", "phase", "5");
    const unknown = await checkout.try("preview");
    assert.notEqual(unknown.exitCode, 0);
    assert.match(unknown.output, /expected .* phase .* got 5/);
  });

  it("does phase 0, which leaves the database as it was", async () => {
    const output = await checkout.toPhase(0);
    assert.match(output, /pre-flight-backup/);
    assert.deepEqual(await databaseAtRest(client), atStart);
  });

  it("tells in the preview of phase 1 the rows, the locks, the time and the way back", async () => {
    await checkout.rollout("config", "set", "phase", "1");
    const output = await checkout.rollout("preview");
    assert.match(output, /NULL → acquisition/);
    assert.match(output, /ACCESS EXCLUSIVE/);
    assert.match(output, /undo afterwards would/);
  });

  it("migrates: every value allowed, NOT NULL and CHECK in place", async () => {
    await checkout.up();
    const { rows } = await client.query("SELECT DISTINCT deal_type FROM deals ORDER BY 1");
    assert.deepEqual(
      rows.map(({ deal_type }) => deal_type),
      ["acquisition", "carveout", "divestiture"],
    );
    await assert.rejects(client.query("UPDATE deals SET deal_type = 'invalid' WHERE id = 1"), {
      code: "23514",
    });
  });

  it("does nothing at the second up", async () => {
    const records = () => readdirSync(join(checkout.folder, "evidence/sandbox"));
    const before = records();
    const output = await checkout.up();
    assert.match(output, /Resources:\s+\d+ unchanged/);
    assert.deepEqual(records(), before);
  });

  const dropByHand = () =>
    client.query("ALTER TABLE deals DROP CONSTRAINT valid_deal_type, ALTER deal_type DROP NOT NULL");

  it("shows a constraint that was dropped by hand as drift in preview, and repairs it by up", async () => {
    await dropByHand();
    assert.match(await checkout.rollout("preview"), /drift: expected .*valid_deal_type/);
    const { drift } = await checkout.status<{ drift: { step: string }[] }>();
    assert.deepEqual([...new Set(drift.map(({ step }) => step))], ["database-migration/constraint"]);
    const verified = await checkout.try("verify");
    assert.equal(verified.exitCode, 1);
    assert.match(
      verified.output,
      /^database-migration\/constraint: expected constraint valid_deal_type validated, got no constraint of that name\. `up` repairs it\.$/m,
    );
    await checkout.up();
    const { constraint } = await checkout.status<{ constraint: object }>();
    assert.deepEqual(constraint, { present: true, validated: true, notNull: true });
  });

  it("goes back to phase 0 with everything as it was, drift being no obstacle", async () => {
    await dropByHand();
    await checkout.toPhase(0);
    assert.deepEqual(await databaseAtRest(client), atStart);
  });

  it("goes forward again and is destroyed by plain pulumi, with everything as it was", async () => {
    await checkout.rollout("config", "set", "phase", "1");
    const up = await checkout.shell("pulumi up --yes");
    assert.equal(up.exitCode, 0, up.output);
    const destroy = await checkout.shell("pulumi destroy --yes");
    assert.equal(destroy.exitCode, 0, destroy.output);
    assert.deepEqual(await databaseAtRest(client), atStart);
  });

  it("destroys a second time without a complaint", async () => {
    await checkout.rollout("destroy", "--yes");
  });
});
