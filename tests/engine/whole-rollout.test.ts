import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import type { Status } from "../../cli/status/contract.ts";
import { databaseAtRest } from "./database-at-rest.ts";
import { type DeployedSandbox, makeSandbox } from "./deployed-sandbox.ts";

describe("the whole rollout", function () {
  this.timeout(1_200_000);
  let sandbox: DeployedSandbox;
  let client: pg.Client;
  let atStart: unknown;
  let envFiles: string[];
  let [baseline, ui, permanent] = ["", "", ""];

  before(async () => {
    sandbox = await makeSandbox({ deals: 200 });
    [baseline = "", ui = "", permanent = ""] = ["baseline", "interface", "permanent"].map(
      sandbox.releaseNamed,
    );
    client = await sandbox.checkout.connect();
    atStart = await databaseAtRest(client);
    envFiles = readEnvFiles();
  });

  after(async () => {
    await client?.end().catch(() => {});
    await sandbox?.checkout.dispose();
  });

  const readEnvFiles = () => sandbox.hosts.map(({ envFile }) => readFileSync(envFile, "utf8"));
  const flagLines = () => readEnvFiles().map((text) => /^DEAL_TYPE_AWARENESS=.*$/m.exec(text)?.[0] ?? "none");
  const currents = () => sandbox.hosts.map(({ appDir }) => readlinkSync(join(appDir, "current")));
  const sent = () => readdirSync(join(sandbox.checkout.folder, "reports/sandbox/outbox"));
  const announcements = () => sent().filter((name) => /announcement(?:-\d+)?\.eml$/.test(name)).length;

  it("goes from 0 to 3, with the interface proven in a browser and announced once", async () => {
    for (const phase of [0, 1, 2, 3]) await sandbox.checkout.toPhase(phase);
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
    assert.equal(announcements(), 1);
    const { rows } = await client.query("SELECT count(*)::int AS n FROM deals WHERE name LIKE 'rollout-%'");
    assert.equal(rows[0].n, 0, "no test deal is left");
    assert.match(await sandbox.checkout.rollout("preview", "--expect-no-changes"), /holds phase 3/);
  });

  it("goes to 4: nothing regressed, the flag is gone, and old-style writes are refused", async () => {
    await sandbox.checkout.toPhase(4);
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(permanent, null));
    assert.deepEqual(flagLines(), ["none", "none"]);
    await assert.rejects(client.query("UPDATE deals SET deal_type = 'carve-out' WHERE id = 1"), {
      code: "23514",
    });
    const { phase, flag } = await sandbox.checkout.status<Status>();
    assert.deepEqual([phase.actual, flag.workers.length], [4, 6]);
    assert.match(await sandbox.checkout.rollout("preview", "--expect-no-changes"), /holds phase 4/);
    assert.match(await sandbox.checkout.rollout("verify"), /as the ledger says/);
  });

  it("refuses the flag off at phase 4, where there is none, by the way to get there", async () => {
    const refused = await sandbox.checkout.try("flag", "off", "--reason", "x");
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.output, /expected a phase that knows the flag, got phase 4 .* Lower to 3 first/);
  });

  it("goes back to 3: the flagged release with its line, and old-style writes are taken again", async () => {
    await sandbox.checkout.toPhase(3);
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
    assert.deepEqual(flagLines(), ["DEAL_TYPE_AWARENESS=true", "DEAL_TYPE_AWARENESS=true"]);
    await client.query("BEGIN");
    await client.query("UPDATE deals SET deal_type = 'carve-out' WHERE id = 1");
    await client.query("ROLLBACK");
  });

  it("is destroyed with everything as it was at the start", async () => {
    await sandbox.checkout.rollout("destroy", "--yes");
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(baseline, null));
    assert.deepEqual(readEnvFiles(), envFiles);
    assert.deepEqual(currents(), [`releases/${baseline}`, `releases/${baseline}`]);
    assert.deepEqual(await databaseAtRest(client), atStart);
  });
});
