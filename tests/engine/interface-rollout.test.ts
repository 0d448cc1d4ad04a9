import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { type DeployedSandbox, makeSandbox } from "./deployed-sandbox.ts";

describe("the interface", function () {
  this.timeout(900_000);
  let sandbox: DeployedSandbox;
  let client: pg.Client;
  let schemaAtStart: unknown;
  let envFiles: string[];
  let [baseline, feature, ui] = ["", "", ""];

  before(async () => {
    sandbox = await makeSandbox({ deals: 2000 });
    [baseline = "", feature = "", ui = ""] = ["baseline", "feature", "interface"].map(sandbox.releaseNamed);
    client = await sandbox.checkout.connect();
    schemaAtStart = (await snapshotDatabase(client)).schema;
    envFiles = readEnvFiles();
    for (const phase of [0, 1, 2]) await sandbox.checkout.toPhase(phase);
  });

  after(async () => {
    await client?.end().catch(() => {});
    await sandbox?.checkout.dispose();
  });

  const readEnvFiles = () => sandbox.hosts.map(({ envFile }) => readFileSync(envFile, "utf8"));

  it("is in preview with its release, its restarts and the way back, and nothing is touched", async () => {
    await sandbox.config("phase", "3");
    const output = await sandbox.checkout.rollout("preview");
    assert.match(output, /advances to phase 3 \(interface-rollout\); phase 2 \(code-deployment\) is done/);
    assert.match(output, new RegExp(`current ${feature.slice(0, 12)} -> ${ui.slice(0, 12)}`));
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(feature, true));
  });

  it("goes in, keeps its release through flips of the flag, and comes out, without one failed request", async () => {
    await sandbox.underTraffic(async () => {
      await sandbox.checkout.up();
      assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
      await sandbox.checkout.rollout("flag", "off", "--reason", "wrong costs");
      assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, false));
      await sandbox.checkout.rollout("flag", "on", "--reason", "they were right");
      assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
      assert.match(await sandbox.checkout.rollout("preview", "--expect-no-changes"), /holds phase 3/);
      await sandbox.checkout.toPhase(2);
      assert.deepEqual(await sandbox.processes(), sandbox.allRun(feature, true));
    });
  });

  it("goes in again, and everything goes back to the start in one destroy", async () => {
    await sandbox.checkout.toPhase(3);
    await sandbox.checkout.rollout("destroy", "--yes");
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(baseline, null));
    assert.deepEqual(readEnvFiles(), envFiles);
    for (const { appDir } of sandbox.hosts)
      assert.equal(readlinkSync(join(appDir, "current")), `releases/${baseline}`);
    // Its rows are what users made of them meanwhile.
    assert.deepEqual((await snapshotDatabase(client)).schema, schemaAtStart);
  });
});
