import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { databaseAtRest } from "./database-at-rest.ts";
import { type DeployedSandbox, makeSandbox } from "./deployed-sandbox.ts";

describe("the rollout while users work", function () {
  this.timeout(1_200_000);
  let sandbox: DeployedSandbox;
  let client: pg.Client;
  let [ui, permanent] = ["", ""];

  before(async () => {
    sandbox = await makeSandbox({ deals: 600 });
    [ui = "", permanent = ""] = ["interface", "permanent"].map(sandbox.releaseNamed);
    client = await sandbox.checkout.connect();
  });

  after(async () => {
    await client?.end().catch(() => {});
    await sandbox?.checkout.dispose();
  });

  const sent = () => readdirSync(join(sandbox.checkout.folder, "reports/sandbox/outbox"));
  const announcements = () => sent().filter((name) => /announcement(?:-\d+)?\.eml$/.test(name)).length;

  it("goes from 2 to 3 without one failed request", async () => {
    for (const phase of [0, 1, 2]) await sandbox.checkout.toPhase(phase);
    await sandbox.underTraffic(() => sandbox.checkout.toPhase(3));
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
    assert.equal(announcements(), 1);
  });

  it("flips the flag at phase 3, and the interface stays", async () => {
    await sandbox.checkout.rollout("flag", "off", "--reason", "wrong costs");
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, false));
    await sandbox.config("phase", "4");
    assert.match(
      (await sandbox.checkout.try("preview")).output,
      /expected flag true at phase 4 .* Lower to 3 first/,
    );
    await sandbox.config("phase", "3");
    await sandbox.checkout.rollout("flag", "on", "--reason", "they were right");
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(ui, true));
    assert.equal(announcements(), 1, "a flip announces nothing");
  });

  it("goes to 4 without one failed request", async () => {
    await sandbox.underTraffic(() => sandbox.checkout.toPhase(4));
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(permanent, null));
  });

  it("is finished, and from then on leaves the data alone", async () => {
    const asked = await sandbox.checkout.try("finish", "--yes");
    assert.notEqual(asked.exitCode, 0, "a book is not closed without its audit");
    await sandbox.checkout.rollout("finish", "--yes", "--without-audit", "--reason", "this is a trial");
    const finished = await databaseAtRest(client);
    await sandbox.checkout.rollout("destroy", "--yes");
    assert.deepEqual(await databaseAtRest(client), finished);
    assert.deepEqual(await sandbox.processes(), sandbox.allRun(permanent, null));
  });
});
