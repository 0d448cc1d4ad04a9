import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { StepError } from "../../errors/step-error.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import type { MigrationSpec } from "../../steps/migration/migration-plan.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH, trigger } from "./app-trigger-fixture.ts";
import { contractSpec, migrate, undoAll } from "./contract-fixture.ts";
import { CrashPoint } from "./crash.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { RIGHT_UPGRADE, StoppedTarget } from "./stopped-target.ts";

/** A CHECK that came after phase 1, and a row that violates it. */
const CHECKED =
  "UPDATE deals SET budget = -1 WHERE id = 2; ALTER TABLE deals ADD CHECK (budget >= 0) NOT VALID";
const MENDED =
  "ALTER TABLE deals DROP CONSTRAINT deals_budget_check; UPDATE deals SET budget = 0 WHERE id = 2";
const isThere = async ({ admin }: RolloutTarget) =>
  (await admin.query("SELECT to_regnamespace('rollout') IS NOT NULL AS there")).rows[0].there;

describe("an undo that has to leave rows", function () {
  this.timeout(180_000);
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  it("gives 3,999 of 4,000 rows back beside one that the application's own later CHECK refuses", async () => {
    target = await RolloutTarget.make({ rows: 4_000 });
    await target.admin.query("UPDATE deals SET deal_type = 'carve-out'");
    const before = await snapshotDatabase(target.admin);
    const spec = contractSpec(target, { batchSize: 1000 });
    await migrate(target, spec);
    await target.admin.query(CHECKED);
    await undoAll(target, spec);
    const { rows } = await target.admin.query(
      "SELECT id::int, deal_type FROM deals WHERE deal_type IS DISTINCT FROM 'carve-out'",
    );
    assert.deepEqual(rows, [{ id: 2, deal_type: "carveout" }]);
    const journal = gunzipSync(target.artifacts.get("journal-deals.jsonl.gz") as Buffer).toString();
    const left = journal.split("\n").filter((line) => line.includes('"refused"'));
    assert.equal(left.length, 1);
    assert.match(left[0] ?? "", /"key":\s*"2".*"code":\s*"23514".*"obstacle":\s*"deals_budget_check"/);
    await target.admin.query(MENDED);
    await target.undo(expand, spec);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("ends in bounded time where every row of 20,000 is refused, and takes all of them back later", async () => {
    target = await RolloutTarget.make({ rows: 20_000 });
    const before = await snapshotDatabase(target.admin);
    const spec = contractSpec(target, { batchSize: 1000 });
    await migrate(target, spec);
    await target.admin.query(trigger("RAISE EXCEPTION 'frozen';", { name: "frozen" }));
    const started = performance.now();
    const { left } = await target.undo(migration, spec);
    const seconds = (performance.now() - started) / 1000;
    assert.deepEqual(
      left?.map(({ count, keys }) => [count, keys.length]),
      [[12_500, 20]],
    );
    assert.ok(seconds < 60, `${seconds} s`);
    await target.admin.query("DROP FUNCTION public.frozen CASCADE");
    await undoAll(target, spec);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("brings back other columns as well that triggers have changed, row by row too", async () => {
    target = await RolloutTarget.make({ rows: 16, ddl: TOUCH });
    const before = await snapshotDatabase(target.admin);
    const spec = contractSpec(target, { appTriggers: "fire" });
    await migrate(target, spec);
    await target.admin.query(
      "ALTER TABLE deals ADD CONSTRAINT late CHECK (id <> 9 OR deal_type <> 'carve-out')",
    );
    await undoAll(target, spec);
    const { rows } = await target.admin.query("SELECT key FROM rollout.refused");
    assert.deepEqual(rows, [{ key: "9" }]);
    const { rows: kept } = await target.admin.query("SELECT reason FROM rollout.kept");
    assert.deepEqual(kept, []);
    await target.admin.query("ALTER TABLE deals DROP CONSTRAINT late");
    await target.undo(expand, spec);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("is finished by the next one, killed before or after any of its commits", async function () {
    this.timeout(600_000);
    target = await RolloutTarget.make({ rows: 8 });
    const spec = contractSpec(target, { connections: 1, batchSize: 100 });
    const before = await snapshotDatabase(target.admin);
    // Those before them in the rollout take nothing back that these do not.
    const again = async (steps: Step<ChangeStepSpec>[] = [migration, expand]) => {
      for (;;) {
        try {
          for (const step of steps) await target.undo(step, spec);
          return;
        } catch (error) {
          if (!(error instanceof StepError && /another run holds the lease/.test(error.message))) throw error;
          await sleep(10);
        }
      }
    };
    let crashes = 0;
    for (const moment of ["before", "after"] as const) {
      for (let commit = 1; ; commit += 1) {
        await migrate(target, spec);
        await target.admin.query(CHECKED);
        const crash = new CrashPoint(commit, moment);
        const deps = target.deps({ connect: () => crash.connect(target.url) });
        for (const step of [migration, expand]) {
          if (crash.crashed) continue;
          await runCrashing(crash, deps, (held) => step.undo(spec, held));
        }
        await again();
        const { rows } = await target.admin.query("SELECT key, code FROM rollout.refused");
        assert.deepEqual(rows, [{ key: "2", code: "23514" }], `${moment} ${commit}`);
        assert.deepEqual((await target.admin.query("SELECT reason FROM rollout.kept")).rows, []);
        await target.admin.query(MENDED);
        await again([expand]);
        assert.deepEqual(await snapshotDatabase(target.admin), before, `${moment} ${commit}`);
        if (!crash.crashed) break;
        crashes += 1;
      }
    }
    assert.ok(crashes >= 16, String(crashes));
  });

  async function runCrashing(
    crash: CrashPoint,
    deps: ReturnType<RolloutTarget["deps"]>,
    work: (deps: ReturnType<RolloutTarget["deps"]>) => Promise<unknown>,
  ): Promise<void> {
    try {
      const lease = await acquireLease(deps.connect, { holder: "crashing", log: deps.log });
      await work({ ...deps, lease });
      await lease.release();
    } catch (error) {
      if (!crash.crashed) throw error;
    }
  }
});

describe("the way back of an application's own upgrade that the server refuses in part", function () {
  this.timeout(180_000);
  let stopped: StoppedTarget;
  beforeEach(async () => {
    stopped = await StoppedTarget.make(16);
  });
  afterEach(() => stopped.dispose());

  const query = (sql: string) => stopped.target.admin.query(sql);

  /** The command does its work, what comes later is in the way of the copy, and the command fails. */
  const failing = (sql: string): MigrationSpec =>
    stopped.spec({ upgrade: stopped.upgrade(`${RIGHT_UPGRADE} ${sql}`, { after: "; exit 3" }) });

  it("starts the writers on an open table, names the rows, and gives back all others", async () => {
    const before = await stopped.snapshot();
    const spec = failing(
      "ALTER TABLE deals ADD CONSTRAINT late CHECK (id <> 2 OR deal_type <> 'Carve-Out ') NOT VALID;",
    );
    await assert.rejects(stopped.forward(spec), (error: Error) => {
      assert.match(
        error.message,
        /LEFT migration: 1 row of deals\.deal_type \(2\): CHECK late refuses it \(SQLSTATE 23514\)/,
      );
      assert.match(error.message, /The writers were started again\.$/);
      return true;
    });
    assert.equal(await stopped.writerRuns(), true);
    const { rows } = await query("SELECT deal_type FROM deals WHERE id IN (2, 3, 10) ORDER BY id");
    assert.deepEqual(
      rows.map(({ deal_type }) => deal_type),
      ["carveout", "", "Carve-Out "],
    );
    await assert.rejects(
      stopped.target.apply(migration, spec),
      /expected the undo of the rollout before to have left nothing of deals\.deal_type, got 1 left.*Lower to phase 0 or destroy first/,
    );
    await stopped.back(spec);
    assert.equal(await isThere(stopped.target), true);
    await query("ALTER TABLE deals DROP CONSTRAINT late");
    const { maintenance: _, ...plain } = spec;
    assert.deepEqual((await stopped.target.undo(expand, plain)).left, []);
    assert.deepEqual(await stopped.snapshot(), before);
  });
});
