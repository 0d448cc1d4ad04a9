import assert from "node:assert/strict";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import type { MigrationSpec } from "../../steps/migration/migration-plan.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { RIGHT_UPGRADE, StoppedTarget } from "./stopped-target.ts";

describe("the migration with its writers stopped", function () {
  this.timeout(120_000);
  let stopped: StoppedTarget;
  beforeEach(async () => {
    stopped = await StoppedTarget.make();
  });
  afterEach(() => stopped.dispose());

  const expandOnly = () => stopped.target.apply(expand, stopped.target.spec({}, { strategy: "maintenance" }));
  const refusal = async (spec: MigrationSpec): Promise<string> => {
    const error = await stopped.target.apply(migration, spec).then(
      () => assert.fail("it went through"),
      (reason: Error) => reason,
    );
    return error.message;
  };
  const assertRuns = async () =>
    assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, false]);

  const ways: [string, () => MigrationSpec][] = [
    ["in one transaction", () => stopped.spec()],
    ["by the application's own command", () => stopped.spec({ upgrade: stopped.upgrade(RIGHT_UPGRADE) })],
  ];
  for (const [how, specOf] of ways) {
    it(`leaves the schema, rows and journal of the online way, ${how}, and the same exact way back`, async () => {
      const start = await stopped.snapshot();
      const online = stopped.target.spec();
      await stopped.forward(online);
      const [after, journal] = [await stopped.snapshot(), await stopped.journal()];
      await stopped.back(online);
      assert.deepEqual(await stopped.snapshot(), start);
      assert.deepEqual(stopped.unit.asked(), [], "the online way asks nothing of the unit");

      const { changedRows, downtimeSeconds } = await stopped.forward(specOf());
      assert.deepEqual(await stopped.snapshot(), after);
      assert.deepEqual(await stopped.journal(), journal);
      assert.equal(changedRows, 50);
      assert.ok((downtimeSeconds ?? 0) > 0);
      assert.deepEqual(stopped.unit.asked(), ["stop flag up", "start flag up"]);
      await assertRuns();

      assert.deepEqual((await stopped.back(specOf())).kept, []);
      assert.deepEqual(await stopped.snapshot(), start);
      assert.equal(stopped.unit.asked().length, 2, "the way back stops nothing");
    });

    it(`is refused before any change when a writer stays, ${how}: named, and what was stopped is started`, async () => {
      await expandOnly();
      const before = await stopped.snapshot();
      stopped.unit.want("ignore-stop");
      const message = await refusal(stopped.spec({ ...specOf().maintenance, timeoutSeconds: 3 }));
      assert.match(
        message,
        /^migration: expected every writer to be stopped within 3 s by `.*stop.*`, got a session that is still connected: pid \d+ \(test-writer, role rollout_test_app/,
      );
      assert.match(message, /\nThe writers were started again\.$/);
      assert.deepEqual(await stopped.snapshot(), before);
      assert.deepEqual(stopped.unit.asked(), ["stop flag up", "start flag up"]);
      await assertRuns();
    });

    it(`keeps what users wrote before, between and after, ${how}, as the online way does`, async () => {
      const { admin } = stopped.target;
      await expandOnly();
      await admin.query("INSERT INTO deals (id, name, deal_type) VALUES (901, 'before', 'carve-out')");
      await stopped.target.apply(migration, specOf());
      await stopped.target.apply(constraint, stopped.target.spec());
      await admin.query(`INSERT INTO deals (id, name) VALUES (902, 'after');
        UPDATE deals SET deal_type = 'divestiture' WHERE id = 8; DELETE FROM deals WHERE id = 16`);
      const { keptByReason } = await stopped.back(specOf());
      const values = await stopped.target.values();
      assert.deepEqual([values.before, values.after, values["deal 8"]], ["carve-out", null, "divestiture"]);
      assert.deepEqual(keptByReason, { assigned: 1, deleted: 1 });
    });
  }

  it("is refused before any change when the stop command fails, in the command's own words", async () => {
    await expandOnly();
    const before = await stopped.snapshot();
    stopped.unit.want("fail-stop");
    assert.match(
      await refusal(stopped.spec()),
      /to stop the writers, got exit code 5; the end of its output:\nno right to stop the unit/,
    );
    assert.deepEqual(await stopped.snapshot(), before);
    await assertRuns();
  });

  it("rolls all of it back when the change fails, and starts the writers", async () => {
    await expandOnly();
    const before = await stopped.snapshot();
    await stopped.target.admin.query(
      `CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no DDL today''; END';
       CREATE EVENT TRIGGER no_ddl ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse()`,
    );
    assert.match(await refusal(stopped.spec()), /P0001[^\n]*\nThe writers were started again\.$/);
    await stopped.target.admin.query("DROP EVENT TRIGGER no_ddl; DROP FUNCTION refuse()");
    assert.deepEqual(await stopped.snapshot(), before);
    await assertRuns();
    await stopped.target.apply(migration, stopped.spec());
  });

  it("says loudly when the writers can't be started again, and starts them with the next run", async () => {
    await expandOnly();
    stopped.unit.want("fail-start");
    const message = await refusal(stopped.spec());
    assert.match(message, /the table is migrated, but THE WRITERS ARE STILL STOPPED/);
    assert.match(message, /no right to start the unit/);
    assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [false, true]);
    const { drift, undo } = await migration.observe(stopped.spec(), stopped.target.deps());
    assert.match(drift[0]?.observed ?? "", /^stopped since 20.*Z by a run that did not end$/);
    assert.match(undo.join("\n"), /starts the writers first/);
    await stopped.unit.forget("fail-start");
    await stopped.target.apply(migration, stopped.spec());
    await assertRuns();
    assert.deepEqual((await migration.observe(stopped.spec(), stopped.target.deps())).drift, []);
  });

  it("keeps the flag up until the services are healthy, and says which is not", async () => {
    await expandOnly();
    const service = { unit: "web", processes: 1, health: "http://127.0.0.1:9/health" };
    const spec = { ...stopped.spec({ timeoutSeconds: 5 }), hosts: [{ name: "a", services: [service] }] };
    const message = await refusal(spec);
    assert.match(
      message,
      /the writers are started, but not healthy\.\n {2}- expected 1 healthy processes of web on a/,
    );
    assert.match(message, /The flag .*flag stays up until then/);
    assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, true]);
    await stopped.target.apply(migration, stopped.spec());
    await assertRuns();
  });

  it("repairs what was lost later without stopping anything", async () => {
    await stopped.forward();
    await stopped.target.admin.query(
      'ALTER TABLE deals ALTER deal_type DROP NOT NULL; ALTER TABLE deals DISABLE TRIGGER "~rollout_normalise"; UPDATE deals SET deal_type = NULL WHERE id = 3',
    );
    await stopped.forward();
    assert.equal((await stopped.target.values())["deal 3"], "acquisition");
    assert.equal(stopped.unit.asked().length, 2);
  });

  it("starts the writers also when the configuration has gone over to the online way since", async () => {
    await expandOnly();
    stopped.unit.want("fail-start");
    await refusal(stopped.spec());
    await stopped.unit.forget("fail-start");
    await stopped.target.apply(migration, stopped.target.spec());
    await assertRuns();
  });

  it("leaves a flag alone that somebody else put up", async () => {
    stopped.unit.want("flag");
    await stopped.forward();
    assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, true]);
  });

  it("says in preview what is stopped, what is done meanwhile and what is started", async () => {
    await expandOnly();
    const { plan, blockers } = await migration.observe(stopped.spec(), stopped.target.deps());
    assert.deepEqual(blockers, []);
    assert.match(
      plan.join("\n"),
      /puts up .*flag, stops every writer: .*goes on once none is connected, 20 s at most/,
    );
    assert.match(
      plan.join("\n"),
      /in one transaction: ACCESS EXCLUSIVE[\s\S]*NULL → acquisition[\s\S]*starts them again/,
    );
    const own = stopped.spec({ upgrade: stopped.upgrade(RIGHT_UPGRADE) });
    const observed = await migration.observe(own, stopped.target.deps());
    assert.match(observed.plan.join("\n"), /runs sh -c .*compares every row, takes it back if any differs/);
    const after = await constraint.observe(
      stopped.target.spec({}, { strategy: "maintenance" }),
      stopped.target.deps(),
    );
    assert.deepEqual(after.plan, ["nothing but a look: the migration adds them as well"]);
  });

  it("finds before anything is stopped what would be missing then", async () => {
    await expandOnly();
    const spec = stopped.spec({
      ...{ stop: ["no-such-program"], inherit: ["NOT_SET_HERE"], flagFile: "/no/such/folder/flag" },
    });
    const { blockers } = await migration.observe(spec, stopped.target.deps());
    assert.deepEqual(blockers, [
      "expected the variable NOT_SET_HERE in the environment, got none. Set it, or remove it from migration.maintenance.inherit.",
      "expected the program no-such-program to be installed, got none. Install it, or correct migration.maintenance.stop.",
      "expected a folder to write to at /no/such/folder, got none. Create it, or correct migration.maintenance.flagFile.",
    ]);
  });
});

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

describe("the one transaction on a table with triggers of its own", () => {
  for (const appTriggers of ["bypass", "fire"] as const) {
    it(`goes forward and exactly back with appTriggers ${appTriggers}`, async () => {
      const target = await RolloutTarget.make({ ddl: TOUCH });
      await target.admin.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
      const spec = target.spec({}, { strategy: "maintenance", appTriggers });
      const start = await snapshotDatabase(target.admin);
      for (const step of STEPS) await target.apply(step, spec);
      const { rows } = await target.admin.query("SELECT max(version) AS version FROM deals");
      assert.deepEqual(rows, [{ version: appTriggers === "fire" ? 2 : 1 }]);
      for (const step of STEPS.toReversed()) await target.undo(step, spec);
      assert.deepEqual(await snapshotDatabase(target.admin), start);
      await target.dispose();
    });
  }
});
