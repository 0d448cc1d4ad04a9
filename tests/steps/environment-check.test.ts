import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StepError } from "../../errors/step-error.ts";
import { findProgram } from "../../postgres/programs.ts";
import { createEnvironmentCheck, environmentCheck } from "../../steps/environment-check.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { asRole, baseSpec, change, DEALS, makeDeps, runSql } from "./preflight-deps.ts";

const node = { name: "node itself", command: [process.execPath, "--version"], minimum: "20" };
const spec = { ...baseSpec("environment-check"), change, dependencies: [node] };

/** A folder with a pg_dump that claims a version. */
function fakeDump(version: string): (name: string) => string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "pg_dump"), `#!/bin/sh\necho "pg_dump (PostgreSQL) ${version}"\n`);
  chmodSync(join(folder, "pg_dump"), 0o755);
  return (name) => join(folder, name);
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("expected a refusal"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StepError, String(error));
  return error.message;
}

describe("environment check", () => {
  let url: string;
  before(async () => {
    url = await createDatabase();
    await runSql(url, ...DEALS);
  });

  it("passes a sound environment and keeps the report as text and JSON", async () => {
    const deps = makeDeps(url);
    const result = await environmentCheck.apply(spec, deps);
    assert.equal(result.warnings, 0);
    const { items } = JSON.parse(deps.readArtifact(result.report.json));
    assert.equal(items.length, result.checked);
    const statuses = Object.fromEntries(
      items.map((item: { name: string; status: string }) => [item.name, item.status]),
    );
    assert.equal(statuses["node itself"], "ok");
    assert.equal(statuses.pg_dump, "ok");
    assert.equal(statuses["direct connection"], "ok");
    assert.equal(statuses["backup rights"], "ok");
    assert.match(deps.readArtifact(result.report.text), /^ok {4}node itself +\d+\./m);
  });

  it("changes nothing in the database", async () => {
    const inventory = "SELECT count(*)::int AS n, max(oid)::text AS newest FROM pg_class";
    const [before] = await runSql(url, inventory);
    await environmentCheck.apply(spec, makeDeps(url));
    const [after] = await runSql(url, inventory);
    assert.deepEqual(after?.rows, before?.rows);
  });

  it("lists every failing item at once, each with its remedy, and keeps the report all the same", async () => {
    const dependencies = [
      { name: "python", command: ["no-such-python"], minimum: "3.11" },
      { ...node, minimum: "99" },
    ];
    const wrong = {
      ...spec,
      dependencies,
      change: { ...change, table: "offers" },
      database: "diligence_prod",
    };
    const deps = makeDeps(url);
    const message = await messageOf(environmentCheck.apply(wrong, deps));
    assert.match(message, /got 4 things to mend/);
    assert.match(
      message,
      /- python: expected version 3\.11 or newer, got no program no-such-python on PATH\. Install/,
    );
    assert.match(message, /- node itself: expected version 99 or newer, got \d+/);
    assert.match(
      message,
      /- table: expected table public\.offers, got no table public\.offers\. Is t_\d+_\d+ the right/,
    );
    assert.match(message, /- database: expected diligence_prod, got t_/);
    const report = /report: ([^)]+)\)/.exec(message)?.[1];
    assert.match(deps.readArtifact(report ?? ""), /FAIL {2}python/);
  });

  it("reports an unreachable database and a wrong password without the password, beside the other items", async () => {
    const closed = new URL(url);
    closed.port = "1";
    assert.match(
      await messageOf(environmentCheck.apply(spec, makeDeps(closed.href))),
      /got 1 thing to mend.*\n.*- database connection: .*refused connection\. Start the server/,
    );
    const denied = asRole(url, "rollout", "canary-password");
    const deps = makeDeps(denied);
    const message = await messageOf(environmentCheck.apply(spec, deps));
    assert.match(message, /database connection: .*password/);
    assert.doesNotMatch(message + deps.lines.join(), /canary/);
  });

  it("refuses a pg_dump that is missing or older than the server, with the package to install", async () => {
    const older = createEnvironmentCheck(fakeDump("12.4"));
    const message = await messageOf(older.apply(spec, makeDeps(url)));
    assert.match(
      message,
      /- pg_dump: expected \d+ or newer, as the server, got 12\.4 .*postgresql-client-\d+/,
    );
    const missing = createEnvironmentCheck((name) => findProgram(`no-such-${name}`));
    assert.match(
      await messageOf(missing.apply(spec, makeDeps(url))),
      /- pg_dump: expected it to be installed, got none\. Install PostgreSQL \d+ client/,
    );
    await createEnvironmentCheck(fakeDump("99.1")).apply(spec, makeDeps(url));
  });

  it("names each right that the role lacks, with the statement that grants it", async () => {
    const own = await createDatabase();
    await runSql(
      own,
      ...DEALS,
      "CREATE TABLE secured (id int)",
      "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
      `CREATE ROLE "weak role" LOGIN PASSWORD 'weak'`,
      `GRANT SELECT ON secured TO "weak role"`,
    );
    const message = await messageOf(environmentCheck.apply(spec, makeDeps(asRole(own, "weak role", "weak"))));
    assert.match(message, /owner of table: expected ownership, got owned by rollout\. Connect as rollout/);
    assert.match(message, /create schema: .*GRANT CREATE ON DATABASE "t_\d+_\d+" TO "weak role"/);
    assert.match(
      message,
      /role weak role may not read public\.deals\. As a superuser: GRANT pg_read_all_data/,
    );
    assert.match(message, /row security hides rows of public\.secured .* ALTER ROLE "weak role" BYPASSRLS/);
  });

  it("tells in preview what it would fail for, but for what other steps tell", async () => {
    const own = await createDatabase();
    await runSql(own, ...DEALS, "CREATE ROLE onlooker LOGIN PASSWORD 'onlooker'");
    const missing = { name: "python", command: ["/no/such/python"] };
    const wish = { ...spec, dependencies: [missing] };
    const { blockers } = await environmentCheck.observe(wish, makeDeps(asRole(own, "onlooker", "onlooker")));
    assert.deepEqual(
      blockers.map((blocker) => blocker.split(":")[0]),
      ["python", "owner of table", "create schema"],
    );
    const unreachable = await environmentCheck.observe(spec, makeDeps("postgres://u@127.0.0.1:1/d"));
    assert.deepEqual(unreachable.blockers, []);
  });

  it("warns of clocks that are apart, without stopping", async () => {
    const deps = makeDeps(url, { now: () => new Date(Date.now() + 86_400_000) });
    assert.equal((await environmentCheck.apply(spec, deps)).warnings, 1);
    assert.match(deps.lines.join("\n"), /WARN {2}clock +database -86\d{3}\.\d{3} s/);
  });
});
