import assert from "node:assert/strict";
import pg from "pg";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

describe("a migrator that is no superuser", () => {
  let target: RolloutTarget;
  let role: string;
  beforeEach(async () => {
    target = await RolloutTarget.make({ rows: 40 });
    const url = new URL(target.url);
    const database = url.pathname.slice(1);
    role = `migrator_${database}`;
    await target.admin.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE ${database} TO ${role};
       ALTER TABLE deals OWNER TO ${role}; ALTER TABLE notes OWNER TO ${role}; ALTER TABLE alembic_version OWNER TO ${role}`,
    );
    [url.username, url.password] = [role, "x"];
    target.stepUrl = url.href;
  });
  afterEach(async () => {
    await target.admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    await target.dispose();
  });

  const runAll = async (options: Partial<ChangeStepSpec["migration"]> = {}) => {
    for (const step of STEPS) await target.apply(step, target.spec({}, options));
    const app = new pg.Client({ connectionString: target.url });
    await app.connect();
    await app.query("SET ROLE rollout_test_app; INSERT INTO deals (id, name) VALUES (900, 'by the app')");
    await app.query(
      "UPDATE deals SET deal_type = 'carve-out' WHERE id = 900; DELETE FROM deals WHERE id = 900",
    );
    await app.end();
    for (const step of STEPS.toReversed()) await target.undo(step, target.spec({}, options));
  };

  it("does and undoes everything with the right to create roles", async () => {
    await target.admin.query(`ALTER ROLE ${role} CREATEROLE`);
    const before = await snapshotDatabase(target.admin);
    await runAll();
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("uses a role that an administrator made for it, and leaves it there", async () => {
    const { blockers } = await expand.observe(target.spec(), target.deps());
    const remedy = /As an administrator: (CREATE ROLE (\w+) NOLOGIN; GRANT \w+ TO \w+)\./.exec(
      blockers.join(),
    );
    assert.ok(remedy, blockers.join());
    await target.admin.query(remedy[1] as string);
    const before = await snapshotDatabase(target.admin);
    await runAll();
    assert.deepEqual(await snapshotDatabase(target.admin), before);
    await target.admin.query(`DROP ROLE ${remedy[2]}`);
  });

  it("fires triggers of the application, and brings back what they change, with no right beyond these", async () => {
    await target.admin.query(`ALTER ROLE ${role} CREATEROLE; ${TOUCH}`);
    const before = await snapshotDatabase(target.admin);
    await runAll({ appTriggers: "fire" });
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("bypasses triggers of the application with the one right that the message names, on the way back too", async () => {
    const options = { appTriggers: "bypass" } as const;
    await target.admin.query(`ALTER ROLE ${role} CREATEROLE; ${TOUCH}`);
    const { blockers } = await expand.observe(target.spec({}, options), target.deps());
    const grant = /As a superuser: (GRANT SET ON PARAMETER session_replication_role TO "\w+")\./.exec(
      blockers.join(),
    );
    assert.ok(grant, blockers.join());
    await target.admin.query(grant[1] as string);
    const before = await snapshotDatabase(target.admin);
    for (const step of STEPS) await target.apply(step, target.spec({}, options));
    await target.admin.query(`REVOKE SET ON PARAMETER session_replication_role FROM ${role}`);
    const { left, restored } = await target.undo(migration, target.spec({}, options));
    assert.equal(restored, 0);
    assert.deepEqual(
      left?.map(({ code, remedy }) => [code, remedy]),
      [["42501", `As a superuser: ${grant[1]}.`]],
    );
    await target.admin.query(grant[1] as string);
    for (const step of STEPS.toReversed()) await target.undo(step, target.spec({}, options));
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });
});
