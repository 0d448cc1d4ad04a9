import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { backup } from "../../steps/backup.ts";
import { expand } from "../../steps/expand.ts";
import { type RehearsalSpec, rehearsal } from "../../steps/rehearsal.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import type { StepDeps } from "../../steps/step.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { AUDIT, TOUCH } from "./app-trigger-fixture.ts";
import { backupSpec } from "./backup-fixture.ts";
import { baseSpec } from "./preflight-deps.ts";
import { RolloutTarget } from "./rollout-target.ts";

const SUITE = {
  ...{ command: ["true"], format: "junit" as const, cwd: ".", timeoutSeconds: 60 },
  ...{ environment: {}, inherit: [] },
};

/** A suite that asks the database named in its environment, in JavaScript, and reports one test. */
function databaseSuite(check: string) {
  const file = join(temporaryFolder(), "suite.mjs");
  const pg = import.meta.resolve("pg");
  writeFileSync(
    file,
    `import pg from ${JSON.stringify(pg)};
    const client = new pg.Client({ connectionString: process.env.COPY_URL });
    await client.connect();
    const { rows } = await client.query(${JSON.stringify(check)});
    await client.query("INSERT INTO deals (name, deal_type) VALUES ('of a test', NULL)").catch(() => undefined);
    await client.end();
    const failure = rows[0].ok ? "" : '<failure message="not as wanted"/>';
    console.log('<testsuite><testcase classname="app" name="reads">' + failure + "</testcase></testsuite>");`,
  );
  return { ...SUITE, onCopy: { command: [process.execPath, file], variable: "COPY_URL", expected: 1 } };
}

describe("rehearsal", function () {
  this.timeout(120_000);
  let target: RolloutTarget;
  let scratch: string;
  const usual = process.env.TMPDIR;

  before(() => {
    // A folder of its own, which the server's user may search: what is left in it is left by a rehearsal.
    scratch = temporaryFolder();
    chmodSync(scratch, 0o711);
    process.env.TMPDIR = scratch;
  });

  after(() => {
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  });

  const leftBehind = () => readdirSync(scratch).filter((name) => !/^(rollout-(files|test)|tsx)-/.test(name));

  afterEach(async () => {
    assert.deepEqual(leftBehind(), [], "nothing of the copy is left");
    await target?.dispose();
  });

  /** A target with a proven backup of phase 0, and the spec of its rehearsal. */
  async function prepare(options?: Parameters<typeof RolloutTarget.make>[0]): Promise<RehearsalSpec> {
    target = await RolloutTarget.make(options);
    return takeProvenBackup();
  }

  async function takeProvenBackup(): Promise<RehearsalSpec> {
    const taking = { ...backupSpec(join(temporaryFolder(), "backups")) };
    await backup.apply(taking, target.deps());
    await restoreProof.apply(
      { ...baseSpec("restore-proof"), url: taking.url, jobs: 2, of: "backup", maxAgeHours: 24 },
      target.deps(),
    );
    const of = { phase: "pre-flight", step: "backup", proof: "restore-proof" };
    return { ...target.spec(), url: taking.url, jobs: 2, of };
  }

  async function refusal(spec: RehearsalSpec, expected: RegExp, deps?: StepDeps): Promise<void> {
    const atStart = await snapshotDatabase(target.admin);
    await assert.rejects(rehearsal.apply(spec, deps ?? target.deps()), {
      name: "StepError",
      message: expected,
    });
    assert.deepEqual(await snapshotDatabase(target.admin), atStart);
  }

  it("goes forward, back and forward again on a copy, measures each part, and touches nothing else", async () => {
    const spec = await prepare();
    const atStart = await snapshotDatabase(target.admin);
    const result = await rehearsal.apply(spec, target.deps());
    assert.deepEqual(await snapshotDatabase(target.admin), atStart);
    assert.deepEqual([...target.artifacts.keys()], []);
    const forward = ["expand", "migration", "constraint", "verification"];
    assert.deepEqual(
      result.parts.map(({ step, verb, round }) => [step, verb, round]),
      [
        ...forward.map((step) => [step, "apply", 1]),
        ...[...forward].reverse().map((step) => [step, "undo", 1]),
        ...forward.map((step) => [step, "apply", 2]),
      ],
    );
    assert.deepEqual([result.rows, result.scale, result.suites], [40, 1, []]);
    const trials = result.trials.filter((trial) => trial.endsWith(" as rollout_test_app"));
    assert.deepEqual(trials, ["insert as rollout_test_app", "update as rollout_test_app"]);
    assert.equal(result.changedRows, 25);
    const [, migrated, constrained] = result.parts;
    assert.deepEqual(
      migrated?.locks.map(({ mode }) => mode),
      ["ROW EXCLUSIVE"],
    );
    assert.deepEqual(
      constrained?.locks.map(({ mode, times }) => [mode, times]),
      [
        ["ACCESS EXCLUSIVE", 3],
        ["SHARE UPDATE EXCLUSIVE", 1],
      ],
    );
    for (const part of result.parts) assert.ok(part.seconds >= 0 && part.writerWaitMs >= 0);
  });

  it("makes a maintenance's change in one transaction, with nothing to stop, and finds its way back exact", async () => {
    const { migration, ...spec } = await prepare();
    const atStart = await snapshotDatabase(target.admin);
    const maintenance = { ...spec, migration: { ...migration, strategy: "maintenance" as const } };
    const { parts } = await rehearsal.apply(maintenance, target.deps());
    const modesOf = (name: string) =>
      parts.find(({ step, round }) => step === name && round === 2)?.locks.map(({ mode }) => mode);
    assert.equal(modesOf("migration")?.[0], "ACCESS EXCLUSIVE");
    assert.deepEqual(modesOf("constraint"), []);
    assert.deepEqual(await snapshotDatabase(target.admin), atStart);
  });

  it("names the rows that no rule maps, as the step itself would", async () => {
    const spec = await prepare({ ddl: "UPDATE deals SET deal_type = 'mystery' WHERE id = 3" });
    await refusal(spec, /expand would not start\.\n.*1 row that no rule maps \(id: value\): 3: "mystery"/);
  });

  it("does not take a way back for exact when a stranger's trigger has changed another column", async () => {
    // Named as one of ours it escapes the list of triggers that the step refuses.
    const spec = await prepare({
      ddl: `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END';
        CREATE TRIGGER "~rollout_stamp" BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION stamp()`,
    });
    await refusal(
      spec,
      /expected the way back to leave the copy exactly as it was.*table public\.deals has 40 rows, but other contents/,
    );
  });

  for (const appTriggers of ["bypass", "fire"] as const) {
    it(`has the application's triggers on the copy as in earnest: ${appTriggers}`, async () => {
      const spec = await prepare({ ddl: TOUCH });
      const migration = { ...spec.migration, appTriggers };
      assert.equal((await rehearsal.apply({ ...spec, migration }, target.deps())).changedRows, 25);
    });
  }

  it("refuses triggers that write to other tables when they are to fire, before anything is changed in earnest", async () => {
    const spec = await prepare({ ddl: AUDIT });
    await refusal(
      { ...spec, migration: { ...spec.migration, appTriggers: "fire" } },
      /apply of expand to go through on the restored copy, got: expand: .*got public\.audit \(25 rows\) written as well/,
    );
  });

  it("runs the application's tests on the expanded and on the migrated copy, in clones of their own", async () => {
    const spec = await prepare();
    const suite = databaseSuite("SELECT count(*) = 40 AS ok FROM deals");
    const { suites } = await rehearsal.apply({ ...spec, suite }, target.deps());
    assert.deepEqual(
      suites.map(({ after, ran, passed }) => [after, ran, passed]),
      [
        ["expand", 1, 1],
        ["verification", 1, 1],
      ],
    );
  });

  it("fails with the application's tests that the migrated values break, by name", async () => {
    const spec = await prepare();
    const suite = databaseSuite("SELECT count(*) > 0 AS ok FROM deals WHERE deal_type IS NULL");
    await refusal(
      { ...spec, suite },
      /tests after verification, on the restored copy.*\n {2}- app.*reads: not as wanted/,
    );
    assert.deepEqual([...target.artifacts.keys()], ["rehearsal-suite-output.txt"]);
  });

  it("discards what a rollout had left in the database that was dumped, and begins anew", async () => {
    target = await RolloutTarget.make();
    await target.apply(expand, target.spec());
    const spec = await takeProvenBackup();
    const result = await rehearsal.apply(spec, target.deps());
    assert.equal(result.changedRows, 25);
  });

  it("refuses a backup that is not proven, is gone, or differs by a byte from its manifest", async () => {
    const spec = await prepare();
    const folder = spec.url.slice("file:".length);
    const path = join(folder, readdirSync(folder)[0] ?? "");
    const proof = readFileSync(join(path, "proof.json"));
    writeFileSync(join(path, "proof.json"), "{}");
    assert.match(
      (await rehearsal.observe(spec, target.deps())).blockers[0] ?? "",
      /^rehearsal: expected a proven backup/,
    );
    await refusal(spec, /^rehearsal: expected a proven backup, got .* which is not/);
    writeFileSync(join(path, "proof.json"), proof);
    assert.deepEqual((await rehearsal.observe(spec, target.deps())).blockers, []);
    const globals = join(path, "globals.sql");
    writeFileSync(globals, readFileSync(globals, "utf8").replace("a", "b"));
    await refusal(spec, /^rehearsal: expected backup .* globals\.sql has SHA-256/);
    const elsewhere = { ...spec, url: `file:${temporaryFolder()}` };
    await refusal(elsewhere, /^rehearsal: expected a backup of test\/pre-flight\/backup in .*, got none/);
  });

  describe("that is killed", () => {
    /** Moments of each kind, by what it says as they begin: another program runs, or something else is open. */
    const MOMENTS = [
      ...[/: restoring/, /: apply expand$/, /: apply migration$/, /tests after expand$/],
      ...[/: undo constraint$/, /: undo migration$/, /: back as it was/],
      ...[/: apply constraint again$/, /tests after verification$/],
    ];

    /** Command lines that name a folder of ours: the server's, pg_restore's, the suite's. */
    const processes = () =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
        .map((pid) => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
          } catch {
            return "";
          }
        })
        .filter((line) => line.includes(scratch) && !line.includes(`${scratch}/rollout-test-`));

    function start(spec: RehearsalSpec): ChildProcess {
      const argv = ["bin/step.mjs", "rehearsal", "apply"];
      const env = { ...process.env, ROLLOUT_DATABASE_URL: target.url };
      const child = spawn(process.execPath, argv, { env, stdio: ["pipe", "ignore", "pipe"] });
      child.stdin?.end(JSON.stringify(spec));
      return child;
    }

    it("leaves no process and no folder, at moments of every kind; the next run goes through", async function () {
      this.timeout(400_000);
      const suite = databaseSuite("SELECT true AS ok");
      const evidenceUrl = `file:${join(temporaryFolder(), "evidence")}`;
      const prepared = await prepare();
      const spec = { ...prepared, suite, identity: { ...prepared.identity, evidenceUrl } };
      for (const moment of MOMENTS) {
        const child = start(spec);
        const exited = once(child, "exit");
        const lines: string[] = [];
        for await (const line of createInterface({ input: child.stderr as Readable })) {
          lines.push(line);
          if (moment.test(line)) child.kill("SIGKILL");
        }
        const [, signal] = await exited;
        assert.equal(signal, "SIGKILL", `expected ${moment} in\n${lines.join("\n")}`);
        while (leftBehind().length + processes().length > 0) await sleep(50);
      }
      const [code] = await once(start(spec), "exit");
      assert.equal(code, 0);
      assert.deepEqual([leftBehind(), processes()], [[], []]);
    });
  });
});
