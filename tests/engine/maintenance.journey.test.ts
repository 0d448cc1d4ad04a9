import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { WriterUnit } from "../steps/writer-unit.ts";
import { Checkout } from "./checkout.ts";
import { RealTarget } from "./real-target.ts";
import { StagingStack } from "./staging-stack.ts";

/** Keys that speak of the sandbox's own application. */
const NONE = { smoke: undefined, review: undefined, window: undefined };

describe("a rollout with strategy maintenance", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let target: RealTarget;
  let client: pg.Client;
  let unit: WriterUnit;
  let stack: StagingStack;
  let settings: Record<string, unknown>;
  let start: unknown;

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "100");
    stack = await StagingStack.make(checkout);
    target = await RealTarget.make();
    client = await target.connect();
    const databaseUrl = await target.rotatePassword();
    unit = new WriterUnit(databaseUrl);
    await unit.start();
    const migration = {
      ...stack.valid<object>("migration"),
      strategy: "maintenance",
      maintenance: { stop: unit.command("stop"), start: unit.command("start"), flagFile: unit.flagFile },
    };
    settings = { ...NONE, databaseUrl, app: { url: target.app }, migration };
    start = await snapshotDatabase(client);
  });

  after(async () => {
    unit?.kill();
    await client?.end();
    await target?.dispose();
    await checkout?.dispose();
  });

  const toPhase = async (phase: number, verb = ["up", "--yes", "--skip-preview"]) => {
    await stack.write({ ...settings, phase: String(phase) });
    return checkout.rollout(...verb, "--stack", stack.name);
  };

  it("announces the downtime, stops the writer for the change alone, and starts it again", async () => {
    await toPhase(0);
    assert.match(
      await toPhase(1, ["preview"]),
      /impact the application is unavailable for about \d+ minutes/,
    );
    assert.deepEqual(unit.asked(), [], "a preview stops nothing");
    const output = await toPhase(1);
    assert.match(output, /maintenance: no session of a writer is left/);
    assert.deepEqual(unit.asked(), ["stop flag up", "start flag up"]);
    const outbox = join(checkout.folder, "reports/staging/outbox");
    const message = readFileSync(join(outbox, readdirSync(outbox)[0] as string), "utf8");
    assert.match(message, /Expected downtime: about \d+ minutes at the most/);
    const { rows } = await client.query("SELECT count(*)::int AS n FROM deals WHERE deal_type IS NULL");
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  it("changes nothing more when it is run again, and goes back to the start without stopping anything", async () => {
    assert.match(await toPhase(1), /unchanged/);
    await toPhase(0);
    assert.equal(unit.asked().length, 2);
    assert.deepEqual(await snapshotDatabase(client), start);
  });
});
