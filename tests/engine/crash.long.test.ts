import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { clusterFolder, sandboxPaths } from "../../sandbox/paths.ts";
import { Checkout, type Running } from "./checkout.ts";
import { databaseAtRest } from "./database-at-rest.ts";
import { findEngine, until } from "./processes.ts";

describe("killed and interrupted runs", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let client: pg.Client;
  let admin: pg.Client;
  let atStart: unknown;

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "3000");
    client = await checkout.connect();
    admin = await connectAdmin();
    atStart = await databaseAtRest(client);
    await checkout.toPhase(0);
    // Small batches: the backfill lasts long enough to be met in the middle. More deals would only lengthen the rest.
    await checkout.rollout("config", "set", "--path", "migration.batchSize", "5");
    await checkout.rollout("config", "set", "--path", "migration.connections", "1");
  });

  after(async () => {
    await client?.end();
    await admin?.end();
    await checkout?.dispose();
  });

  /** The cluster's superuser: only it may make a DDL statement wait. */
  async function connectAdmin(): Promise<pg.Client> {
    const url = new URL((await checkout.sandboxUrl()).database);
    url.username = "rollout";
    url.password = readFileSync(join(clusterFolder(sandboxPaths(checkout.folder)), "password"), "utf8");
    const connection = new pg.Client({ connectionString: url.href });
    await connection.connect();
    return connection;
  }

  const exists = async (sql: string): Promise<true | undefined> => {
    const { rows } = await client.query(`SELECT ${sql} AS found`);
    return rows[0].found === true ? true : undefined;
  };

  /** Inside the backfill: some batches are committed, others are not. */
  const midBackfill = () =>
    until("a backfill under way", async () => {
      if (!(await exists("to_regclass('rollout.journal') IS NOT NULL"))) return undefined;
      return exists("(SELECT count(*) > 3 FROM rollout.journal)");
    });

  /** The statement after VALIDATE waits, as it would behind a lock that nobody gives up. */
  async function holdAfterValidate(): Promise<void> {
    await admin.query(`
      CREATE FUNCTION hold_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'valid_deal_type' AND convalidated) THEN
          PERFORM pg_sleep(120);
        END IF;
      END $$;
      CREATE EVENT TRIGGER hold_ddl ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION hold_ddl();`);
  }

  const letGo = () => admin.query("DROP EVENT TRIGGER hold_ddl; DROP FUNCTION hold_ddl()");

  const afterValidate = () =>
    until("a validated constraint whose NOT NULL is missing", () =>
      exists(`EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')`),
    );

  /** Sets phase 1 going, and kills the engine without a warning once `moment` has come. */
  async function killEngine(moment: () => Promise<unknown>): Promise<void> {
    await checkout.rollout("config", "set", "phase", "1");
    const run = checkout.start("up", "--yes", "--skip-preview");
    await moment();
    process.kill(await until("the engine", () => findEngine(checkout.folder)), "SIGKILL");
    await run;
  }

  async function finishes(): Promise<void> {
    await checkout.up();
    const { phase, constraint } = await checkout.status<{ phase: object; constraint: object }>();
    assert.deepEqual(phase, { wanted: 1, actual: 1 });
    assert.deepEqual(constraint, { present: true, validated: true, notNull: true });
    assert.ok(
      await exists(
        "NOT EXISTS (SELECT FROM deals WHERE deal_type NOT IN ('acquisition', 'carveout', 'divestiture'))",
      ),
    );
  }

  async function isBack(): Promise<void> {
    await checkout.toPhase(0);
    assert.deepEqual(await databaseAtRest(client), atStart);
  }

  it("finishes after kill -9 in mid-backfill, recover and up", async () => {
    await killEngine(midBackfill);
    assert.match(
      (await checkout.try("up", "--yes", "--skip-preview")).output,
      /is dead\. .*npx rollout recover/,
    );
    assert.match(await checkout.rollout("recover"), /half-done: database-migration\/migration/);
    const verified = await checkout.try("verify");
    assert.equal(verified.exitCode, 1);
    assert.match(
      verified.output,
      /^database-migration\/migration: expected it done or undone, got half-done\./m,
    );
    await finishes();
    await isBack();
  });

  it("restores everything after kill -9 in mid-backfill, recover and a lower phase", async () => {
    await killEngine(midBackfill);
    await checkout.rollout("recover");
    await isBack();
  });

  it("finishes after kill -9 between VALIDATE and NOT NULL", async () => {
    await holdAfterValidate();
    await killEngine(afterValidate);
    await checkout.rollout("recover");
    await letGo();
    await finishes();
    await isBack();
  });

  it("restores everything after kill -9 between VALIDATE and NOT NULL", async () => {
    await holdAfterValidate();
    await killEngine(afterValidate);
    await checkout.rollout("recover");
    await letGo();
    await isBack();
  });

  it("ends at Ctrl-C with what is done and both ways on, and finishes with the next up", async () => {
    await checkout.rollout("config", "set", "phase", "1");
    const run: Running = checkout.start("up", "--yes", "--skip-preview");
    await midBackfill();
    run.kill("SIGINT");
    const { exitCode, all } = await run;
    assert.notEqual(exitCode, 0);
    await until("the end of the step", async () =>
      (await exists("(SELECT count(*) = 0 FROM rollout.lease)")) ? true : undefined,
    );
    assert.match(String(all), /cancel/i);
    await finishes();
  });

  it("destroys what was killed, recovered and finished, with everything as it was", async () => {
    await checkout.rollout("destroy", "--yes");
    assert.deepEqual(await databaseAtRest(client), atStart);
    assert.match(await checkout.rollout("verify"), /as the ledger says/);
  });
});
