import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { readWritingRoles } from "../../postgres/migration/write-probe.ts";
import { isRunning } from "../../processes/process-identity.ts";
import { serverProcess } from "../../sandbox/database/server.ts";
import { readProcesses } from "../../sandbox/host/process-record.ts";
import { readSandbox, sandboxDown, sandboxReset, sandboxStatus, sandboxUp } from "../../sandbox/index.ts";
import { clusterFolder, PROJECT_ROOT, sandboxPaths } from "../../sandbox/paths.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";
import { pidsOf, query } from "./processes.ts";

describe("the sandbox", () => {
  let checkout: string;
  let lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const hostFolder = () => join(sandboxPaths(checkout).hosts, "sandbox-a");
  const up = (deals = 500) => sandboxUp({ checkout, deals, log });

  before(async () => {
    checkout = makeCheckout();
    await up();
  });
  beforeEach(() => {
    lines = [];
  });
  after(() => removeCheckout(checkout));

  it("comes up with two hosts of two web processes and a worker behind one address, all running the baseline", async () => {
    const { balancer, hosts } = await sandboxStatus({ checkout });
    assert.equal(balancer, "running");
    assert.deepEqual(
      hosts.map(({ name, units }) => [name, ...units.map(({ processes }) => processes.length)]),
      [
        ["sandbox-a", 2, 1],
        ["sandbox-b", 2, 1],
      ],
    );
    const baseline = realpathSync(join(hostFolder(), "app/current")).split("/").at(-1);
    for (const { release, flag, database } of hosts.flatMap(({ units }) =>
      units.flatMap(({ processes }) => processes),
    ))
      assert.deepEqual([release, flag, database], [baseline, null, "ok"]);
  });

  it("describes itself in a file that only its user can read", () => {
    const file = sandboxPaths(checkout).description;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readSandbox({ checkout }), JSON.parse(readFileSync(file, "utf8")));
  });

  it("does nothing when it is up already, and says nothing", async () => {
    const before = [await pidsOf(checkout), statSync(sandboxPaths(checkout).description).mtimeMs];
    await up(700);
    assert.deepEqual([await pidsOf(checkout), statSync(sandboxPaths(checkout).description).mtimeMs], before);
    assert.deepEqual(lines, []);
    const sandbox = readSandbox({ checkout });
    assert.deepEqual(await query(sandbox?.database ?? "", "SELECT count(*)::int FROM deals"), [
      { count: 500 },
    ]);
  });

  it("gives the tables to an owner who is no superuser and creates schemas and roles", async () => {
    const { database } = await up();
    await query(
      database,
      "CREATE SCHEMA trial; CREATE ROLE trial_role NOLOGIN; GRANT trial_role TO CURRENT_USER",
    );
    await query(database, "DROP SCHEMA trial; DROP ROLE trial_role");
    const rights =
      "SELECT rolsuper, tableowner FROM pg_roles JOIN pg_tables ON tableowner = rolname WHERE tablename = 'deals'";
    assert.deepEqual(await query(database, rights), [{ rolsuper: false, tableowner: "diligence_owner" }]);
    const { stdout } = await execa("psql", [database, "-Atc", "SELECT current_user"]);
    assert.equal(stdout, "diligence_owner");
  });

  it("lets the owner try its triggers as every role that writes", async () => {
    const client = new pg.Client({ connectionString: (await up()).database });
    await client.connect();
    try {
      const roles = await readWritingRoles(client, CHANGE);
      assert.deepEqual(
        roles.map(({ name, canSetRole }) => [name, canSetRole]),
        [
          ["diligence_app", true],
          ["diligence_owner", true],
        ],
      );
    } finally {
      await client.end();
    }
  });

  it("lets the app read and write rows, and nothing more", async () => {
    const env = readFileSync(join(hostFolder(), "diligence.env"), "utf8");
    const url = /^DATABASE_URL=(.*)$/m.exec(env)?.[1] ?? "";
    await query(url, "UPDATE deals SET notes = notes WHERE id = 1");
    for (const sql of [
      "ALTER TABLE deals ADD x int",
      "CREATE TABLE x ()",
      "TRUNCATE deals",
      "CREATE SCHEMA x",
      "CREATE ROLE x",
    ])
      await assert.rejects(query(url, sql), /permission denied|must be owner/, sql);
  });

  it("reads a changed flag when a process starts, never in one that runs", async () => {
    const file = join(hostFolder(), "diligence.env");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before}# by hand\nDEAL_TYPE_AWARENESS=true\n`);
    await up();
    assert.deepEqual(lines, []);
    assert.match(readFileSync(file, "utf8"), /# by hand\nDEAL_TYPE_AWARENESS=true\n$/);
    const [pid] = await pidsOf(checkout);
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    assert.ok(!environment.includes("DEAL_TYPE_AWARENESS"));
  });

  it("goes down whole, keeps its data, and comes up at the same addresses", async () => {
    const sandbox = await up();
    const [deal] = await query(
      sandbox.database,
      "INSERT INTO deals (name, target_name) VALUES ('kept', 'x') RETURNING id",
    );
    const record = readProcesses(hostFolder());
    const postmaster = serverProcess(clusterFolder(sandboxPaths(checkout)));
    await sandboxDown({ checkout, log });
    for (const identity of [record?.supervisor, ...(record?.children ?? []), postmaster])
      assert.ok(identity && !isRunning(identity));
    assert.equal(readSandbox({ checkout }), undefined);
    await sandboxDown({ checkout, log });
    assert.deepEqual(await up(), sandbox);
    assert.equal((await query(sandbox.database, `SELECT FROM deals WHERE id = ${deal?.id}`)).length, 1);
  });

  it("names a taken port and what to do, before it starts anything", async () => {
    const { app, hosts } = await up();
    await sandboxDown({ checkout, log });
    for (const [address, user] of [
      [app, "the balancer"],
      [hosts[0]?.services[0]?.health ?? "", "diligence-web on sandbox-a"],
    ] as const) {
      const stranger = createServer().listen(Number(new URL(address).port), "127.0.0.1");
      await once(stranger, "listening");
      try {
        await assert.rejects(up(), {
          name: "StepError",
          message: new RegExp(`expected port ${new URL(address).port} .*${user}.*ports\\.json`),
        });
        assert.equal(serverProcess(clusterFolder(sandboxPaths(checkout))), undefined);
        assert.equal(readSandbox({ checkout }), undefined);
      } finally {
        stranger.close();
        await once(stranger, "close");
      }
    }
    await up();
  });

  it("is as on its first day after a reset: new rows, first release, no flag, same addresses", async () => {
    const before = await up();
    await query(before.database, "CREATE SCHEMA rollout; CREATE TABLE rollout.journal ()");
    const after = await sandboxReset({ checkout, deals: 300, unmapped: true, log });
    assert.deepEqual(after, before);
    const types = await query(
      after.database,
      "SELECT count(*)::int, bool_or(deal_type = 'TBD') AS tbd FROM deals",
    );
    assert.deepEqual(types, [{ count: 300, tbd: true }]);
    assert.deepEqual(await query(after.database, "SELECT FROM pg_namespace WHERE nspname = 'rollout'"), []);
    assert.ok(!readFileSync(join(hostFolder(), "diligence.env"), "utf8").includes("AWARENESS"));
    assert.equal((await pidsOf(checkout)).length, 6);
  });

  it("refuses numbers of deals that make no sense", async () => {
    for (const deals of [0, -1, 1.5, Number.NaN, 20_000_001])
      await assert.rejects(up(deals), {
        name: "StepError",
        message: /whole number from 1 to 20000000 for --deals/,
      });
  });

  it("serves two commands one after the other", async () => {
    await sandboxDown({ checkout, log });
    const [one, two] = await Promise.all([up(), up()]);
    assert.deepEqual(one, two);
    assert.ok(lines.some((line) => line.startsWith("waiting for another sandbox command")));
    assert.ok(!existsSync(join(checkout, ".sandbox/lock")));
  });

  it("does not hold the output of the command that started it", async () => {
    await sandboxDown({ checkout, log });
    const script = `import { sandboxUp } from "./sandbox/index.ts";
      await sandboxUp({ checkout: ${JSON.stringify(checkout)}, log: () => {} }); console.log("done");`;
    const command = await execa(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: PROJECT_ROOT,
      timeout: 40_000,
    });
    assert.equal(command.stdout, "done");
  });

  it("does not meet the sandbox of another checkout, and does not take over a copied one", async () => {
    const other = makeCheckout();
    try {
      const [mine, theirs] = [await up(), await sandboxUp({ checkout: other, deals: 50, log })];
      assert.notEqual(mine.app, theirs.app);
      assert.notEqual(new URL(mine.database).port, new URL(theirs.database).port);
      await sandboxDown({ checkout: other, log });
      assert.equal((await pidsOf(checkout)).length, 6);
      writeFileSync(join(other, ".sandbox/checkout"), `${checkout}\n`);
      await assert.rejects(sandboxUp({ checkout: other, log }), {
        name: "StepError",
        message: /copied or moved/,
      });
    } finally {
      rmSync(join(other, ".sandbox/checkout"), { force: true });
      await removeCheckout(other);
    }
  });

  it("comes up in a checkout whose path is long and odd", async () => {
    const odd = makeCheckout(`it's a # "long" path with blanks, 100 %, $HOME and ü ${"x".repeat(100)}`);
    try {
      const sandbox = await sandboxUp({ checkout: odd, deals: 20, log });
      assert.equal((await pidsOf(odd)).length, 6);
      assert.equal((await query(sandbox.database, "SELECT 1")).length, 1);
      assert.ok(existsSync(join(odd, ".sandbox/hosts/sandbox-a/log/app.log")));
    } finally {
      await removeCheckout(odd);
    }
  });
});
