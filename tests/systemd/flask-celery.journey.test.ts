import assert from "node:assert/strict";
import type pg from "pg";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { Checkout } from "../engine/checkout.ts";
import { APP, AppMachine, missingForApp, Users } from "./app-machine.ts";
import { AppStack } from "./app-stack.ts";

/** Every value of the table, by key. */
const ROWS = "SELECT md5(string_agg(d::text, E'\\n' ORDER BY id)) AS sum FROM deals d";

describe("a Flask and Celery application under systemd", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let app: AppMachine;
  let stack: AppStack;
  let client: pg.Client;
  let atStart: { rows: string; schema: unknown; envFile: string };

  before(async function () {
    const missing = missingForApp();
    if (missing) {
      console.warn(`      SKIPPED: no application under systemd here: ${missing}`);
      return this.skip();
    }
    checkout = await Checkout.make();
    app = await AppMachine.make([checkout.folder]);
    stack = new AppStack(checkout, app);
    await stack.init();
    client = await app.connect();
    atStart = await look();
  });

  after(async () => {
    await client?.end().catch(() => undefined);
    await app?.stop();
    await checkout?.dispose();
  });

  async function look() {
    const { rows } = await client.query<{ sum: string }>(ROWS);
    return {
      rows: rows[0]?.sum as string,
      schema: await snapshotSchema(client),
      envFile: await app.envFile(),
    };
  }

  async function up(phase: number, changed: Record<string, unknown> = {}): Promise<string> {
    stack.write({ phase, ...changed });
    const { exitCode, output } = await stack.rollout("up --yes --skip-preview");
    assert.equal(exitCode, 0, output);
    return output;
  }

  /** What the application's own processes say, by their own addresses, or by systemd where they have none. */
  const health = async () =>
    (await (await fetch(`${app.url}/health`)).json()) as { features: { deal_types: boolean | null } };
  const folders = () =>
    app.machine.run(
      "for u in web worker multi; do for p in $(cat /sys/fs/cgroup/systemd/system.slice/diligence-$u.service/cgroup.procs); do readlink /proc/$p/cwd; done; done | sort -u",
    );

  it("reaches phase 2 without a failed request, each process proven by what can be had of it", async () => {
    const users = new Users(app.url);
    for (const phase of [0, 1, 2]) await up(phase);
    assert.deepEqual(await users.stop(), []);
    assert.ok(users.sent > 100, `${users.sent} requests`);
    assert.equal(await folders(), `${APP}/releases/${app.releases.feature}`);
    const { workers, proven } = (await stack.status()).flag;
    assert.equal(proven?.release, app.releases.feature);
    assert.deepEqual([proven.value, proven.byHealth, proven.unknown.release], [true, 2, 0]);
    const told = new Set(workers.map(({ unit, by, unknown }) => [unit, by, ...unknown].join(" ")));
    // Celery sets its title over its environment: what flag it has is unknown, and no proof.
    assert.deepEqual([...told].sort(), [
      "diligence-multi process flag",
      "diligence-web health",
      "diligence-worker process flag",
    ]);
  });

  it("refuses a release whose worker dies at its start, says why in the worker's words, and puts the host back", async () => {
    const { broken, feature, baseline, interface: later, permanent } = app.releases;
    stack.write({ phase: 2, releases: { baseline, feature: broken, interface: later, permanent } });
    const { exitCode, output } = await stack.rollout("up --yes --skip-preview");
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /no licence for this queue/);
    assert.equal(await folders(), `${APP}/releases/${feature}`);
    await up(2);
  });

  it("is off with PostgreSQL stopped: the processes themselves prove it", async () => {
    await client.end();
    await app.cluster.stop();
    const { exitCode, output } = await stack.rollout('flag off --reason "the database is gone"');
    assert.equal(exitCode, 0, output);
    assert.match(output, /flag off: proven .* by the host's look alone \(weaker\), flag of \d+ unknown/);
    assert.match(await app.machine.run(`grep DEAL_TYPE_AWARENESS= ${APP}/.env`), /false/);
    await app.restartDatabase();
    client = await app.connect();
    assert.equal((await health()).features.deal_types, false);
  });

  it("shows a unit that crashes again and again as drift", async () => {
    await app.machine.run(
      "systemctl kill -s KILL diligence-worker; sleep 1; systemctl kill -s KILL diligence-worker; sleep 1",
    );
    const { drift } = await stack.status();
    assert.match(
      drift.map(({ observed }) => observed).join(),
      /diligence-worker on app-1: unit crash-loops: 2 restarts/,
    );
  });

  it("goes back to phase 0 without a failed request, every byte as it was", async () => {
    const users = new Users(app.url);
    await up(0, { flag: false });
    assert.deepEqual(await users.stop(), []);
    assert.deepEqual(await look(), atStart);
    assert.equal(await folders(), `${APP}/releases/${app.releases.baseline}`);
  });
});
