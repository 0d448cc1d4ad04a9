import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { readSandbox, sandboxDown, sandboxReset, sandboxStatus, sandboxUp } from "../../sandbox/index.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";

const quiet = () => undefined;

describe("a sandbox on a server of the user's", () => {
  let checkout: string;
  let server: Cluster;
  let admin: pg.Client;

  before(async () => {
    checkout = makeCheckout();
    server = await startCluster({
      directory: temporaryFolder("external"),
      settings: { fsync: "off" },
    });
    admin = new pg.Client({ connectionString: server.url() });
    await admin.connect();
    await admin.query("CREATE ROLE team LOGIN CREATEDB CREATEROLE PASSWORD 'team-canary'");
    await admin.query("CREATE ROLE reader LOGIN PASSWORD 'reader-canary'");
  });
  const use = (role: string) => {
    const url = new URL(server.url());
    url.username = role;
    url.password = `${role}-canary`;
    process.env.ROLLOUT_SANDBOX_DATABASE_URL = url.href;
  };
  after(async () => {
    use("team");
    await removeCheckout(checkout);
    delete process.env.ROLLOUT_SANDBOX_DATABASE_URL;
    await admin.end();
    await server.stop();
  });

  it("is refused, with the rights that are missing, when its role may not create what is needed", async () => {
    use("reader");
    await assert.rejects(sandboxUp({ checkout, log: quiet }), {
      name: "StepError",
      message: /CREATEDB and CREATEROLE/,
    });
    assert.equal(readSandbox({ checkout }), undefined);
  });

  it("never touches a database or a role of that name that it did not make", async () => {
    use("team");
    await admin.query("CREATE DATABASE diligence");
    await assert.rejects(sandboxUp({ checkout, log: quiet }), {
      name: "StepError",
      message: /database diligence .*did not create/,
    });
    await assert.rejects(sandboxReset({ checkout, log: quiet }), /database diligence .*did not create/);
    assert.equal((await admin.query("SELECT FROM pg_database WHERE datname = 'diligence'")).rowCount, 1);
    assert.equal((await admin.query("SELECT FROM pg_roles WHERE rolname LIKE 'diligence%'")).rowCount, 0);
    await admin.query("DROP DATABASE diligence");
  });

  it("comes up, goes down and is reset there; the server is left running, and no secret of it is written", async () => {
    use("team");
    const sandbox = await sandboxUp({ checkout, deals: 100, log: quiet });
    assert.equal(new URL(sandbox.database).pathname, "/diligence");
    assert.equal(new URL(sandbox.database).username, "diligence_owner");
    assert.deepEqual(await sandboxUp({ checkout, deals: 100, log: quiet }), sandbox);
    assert.equal((await sandboxStatus({ checkout })).hosts[0]?.units[0]?.processes[0]?.database, "ok");
    await sandboxDown({ checkout, log: quiet });
    assert.equal((await admin.query("SELECT 1 AS up")).rows[0].up, 1);
    assert.deepEqual(await sandboxReset({ checkout, deals: 60, log: quiet }), sandbox);
    const owner = new pg.Client({ connectionString: sandbox.database });
    await owner.connect();
    assert.equal((await owner.query("SELECT count(*)::int AS n FROM deals")).rows[0].n, 60);
    await owner.end();
    for (const path of readdirSync(join(checkout, ".sandbox"), { recursive: true, encoding: "utf8" })) {
      const file = join(checkout, ".sandbox", path);
      if (statSync(file).isFile()) assert.ok(!readFileSync(file).includes("team-canary"), path);
    }
  });

  it("is refused to a second checkout: the database is the first one's", async () => {
    use("team");
    const other = makeCheckout();
    try {
      await assert.rejects(sandboxUp({ checkout: other, log: quiet }), {
        name: "StepError",
        message: /did not create/,
      });
    } finally {
      await removeCheckout(other);
    }
  });
});
