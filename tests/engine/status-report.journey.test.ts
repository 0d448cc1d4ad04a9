import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { UNMAPPED } from "../../sandbox/oddities.ts";
import { Checkout } from "./checkout.ts";
import { traces } from "./staging-stack.ts";

describe("go or no-go", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let client: pg.Client;
  const file = () => join(checkout.folder, "reports/sandbox/pre-migration-status.md");

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "500", "--unmapped");
    client = await checkout.connect();
  });

  after(async () => {
    await client?.end();
    await checkout?.dispose();
  });

  it("ends phase 0 with a report that holds, and without failing", async () => {
    const output = await checkout.toPhase(0);
    assert.match(output, /NO-GO: gate 0 stays shut/);
    assert.match(readFileSync(file(), "utf8"), /- Unmapped: 7\n[\s\S]*\*\*HOLD FOR FIXES\*\*/);
  });

  it("shuts gate 0 with the reason and every row, in preview and up, also where nothing is looked at", async () => {
    await checkout.rollout("config", "set", "phase", "1");
    const unmapped = "SELECT id, deal_type FROM deals WHERE deal_type = ANY($1)";
    const { rows } = await client.query<{ id: string; deal_type: string }>(unmapped, [UNMAPPED]);
    assert.equal(rows.length, 7);
    const look = async () => ({ schema: await snapshotSchema(client), files: traces(checkout) });
    const before = await look();
    for (const verb of [["preview"], ["up", "--yes"]]) {
      const { exitCode, output } = await checkout.try(...verb);
      assert.notEqual(exitCode, 0);
      assert.match(
        output,
        /gate 0 is shut: pre-flight\/status-report: no-go: data-audit: expected 0 unmapped rows/,
      );
      const [refusal] =
        /^ *- .*expand, database-migration\/migration: .* no rule maps.*$/m.exec(output) ?? [];
      for (const { id, deal_type } of rows)
        assert.ok(refusal?.includes(`${id}: ${JSON.stringify(deal_type)}`), output);
      assert.deepEqual(await look(), before);
    }
    await checkout.rollout("config", "set", "observe", "false");
    assert.match((await checkout.try("up", "--yes")).output, /gate 0 is shut: .* no-go: data-audit/);
    await checkout.rollout("config", "set", "observe", "true");
  });

  it("approves in a single up once the rows are mended, and the gate is open", async () => {
    await client.query("UPDATE deals SET deal_type = 'carveout' WHERE deal_type = ANY($1)", [UNMAPPED]);
    const output = await checkout.toPhase(0);
    assert.match(output, /drift: expected \d+ unmapped rows, as audited, got 0|GO \(/);
    assert.match(readFileSync(file(), "utf8"), /\*\*APPROVED TO PROCEED\*\*/);
    const { gates, drift } = await checkout.status<{ gates: { met: boolean }[]; drift: unknown[] }>();
    assert.deepEqual([gates[0]?.met, drift], [true, []]);
  });

  it("rehearses phase 1 on a backup of the mended rows, and goes through", async () => {
    assert.match(await checkout.toPhase(1), /rehearsal: back as it was, every row of every table/);
  });
});
