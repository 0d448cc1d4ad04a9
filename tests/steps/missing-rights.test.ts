import assert from "node:assert/strict";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { createDatabaseOn, testCluster } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { contractSpec, migrate, TABLE_STEPS, undoAll } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

/** Each takes one right away and is given back by what the blocker says. */
const CASES: { right: string; take: (role: string) => string; says: RegExp }[] = [
  {
    right: "to read alembic_version",
    take: (role) =>
      `ALTER TABLE alembic_version OWNER TO CURRENT_USER; REVOKE ALL ON alembic_version FROM ${role}, PUBLIC; GRANT INSERT, DELETE ON alembic_version TO ${role}`,
    says: /to have SELECT on "public"\."alembic_version", got no right\. As its owner or a superuser: (GRANT [^.]*"public"\."alembic_version"[^.]*)\./,
  },
  {
    right: "to write alembic_version",
    take: (role) =>
      `ALTER TABLE alembic_version OWNER TO CURRENT_USER; GRANT SELECT ON alembic_version TO ${role}`,
    says: /to have INSERT, DELETE on "public"\."alembic_version", got no right\. As its owner or a superuser: (GRANT [^.]*"public"\."alembic_version"[^.]*)\./,
  },
  {
    right: "to see the rows of alembic_version",
    take: (role) =>
      `ALTER TABLE alembic_version OWNER TO CURRENT_USER; GRANT ALL ON alembic_version TO ${role}; ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY`,
    says: /to see every row of "public"\."alembic_version", got row security that filters for it\. As its owner or a superuser: (ALTER TABLE "public"\."alembic_version" DISABLE ROW LEVEL SECURITY)/,
  },
  {
    right: "to read its own table",
    take: (role) => `REVOKE SELECT ON deals FROM ${role}`,
    says: /to have SELECT on "public"\."deals", got no right\. As its owner or a superuser: (GRANT SELECT [^.]*"public"\."deals"[^.]*)\./,
  },
  {
    right: "to write its own table, and to put triggers on it",
    take: (role) => `REVOKE ALL ON deals FROM ${role}; GRANT SELECT ON deals TO ${role}`,
    says: /to have INSERT, UPDATE, TRIGGER on "public"\."deals", got no right\. As its owner or a superuser: (GRANT [^.]*"public"\."deals"[^.]*)\./,
  },
  {
    right: "to use the schema",
    take: () => "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    says: /to use schema "public", got no right\. As its owner or a superuser: (GRANT USAGE ON SCHEMA "public" TO "\w+")\./,
  },
  {
    right: "to write functions",
    take: () => "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
    says: /to write functions in plpgsql, [^.]*got no right\. As a superuser: (GRANT USAGE ON LANGUAGE plpgsql TO "\w+")\./,
  },
  {
    right: "to create a schema",
    take: (role) => `REVOKE CREATE ON DATABASE ${role.replace("plain_", "")} FROM ${role}`,
    says: /to be able to create schema rollout, got no right\. (GRANT CREATE ON DATABASE \w+ TO \w+)\./,
  },
  {
    right: "to read pg_stat_activity",
    take: () => "REVOKE SELECT ON pg_stat_activity FROM PUBLIC",
    says: /to read pg_stat_activity, got no right\. As a superuser: (GRANT SELECT ON pg_stat_activity TO)/,
  },
  {
    right: "of an inherited role",
    take: (role) => `ALTER ROLE ${role} NOINHERIT`,
    says: /to create or use role \w+ \(it owns the trigger functions\), got no right\. As an administrator: (CREATE ROLE \w+ NOLOGIN; GRANT \w+ TO \w+; ALTER ROLE \w+ INHERIT)\./,
  },
];

describe("a right that a later step needs", () => {
  const targets: { target: RolloutTarget; role: string }[] = [];
  const makeTarget = async (url: string) => {
    const target = await RolloutTarget.make({ url });
    const name = new URL(url).pathname.slice(1);
    const role = `plain_${name}`;
    await target.admin.query(
      `CREATE ROLE ${role} LOGIN CREATEROLE PASSWORD 'x'; GRANT CREATE ON DATABASE ${name} TO ${role};
       ALTER TABLE deals OWNER TO ${role}; ALTER TABLE notes OWNER TO ${role}; ALTER TABLE alembic_version OWNER TO ${role}`,
    );
    const own = new URL(url);
    [own.username, own.password] = [role, "x"];
    target.stepUrl = own.href;
    targets.push({ target, role });
    return { target, role };
  };
  afterEach(() => Promise.all(targets.splice(0).map(({ target }) => target.dispose())));

  const blockersOf = async (target: RolloutTarget) => {
    const all: string[] = [];
    for (const step of TABLE_STEPS)
      all.push(...(await step.observe(contractSpec(target), target.deps())).blockers);
    return all;
  };

  for (const { right, take, says } of CASES)
    it(`is missed in preview, once granted by what it says the rollout goes through: ${right}`, async () => {
      const { target, role } = await makeTarget(await createDatabaseOn(await testCluster(), "rights"));
      await target.admin.query(take(role));
      const before = await snapshotDatabase(target.admin);
      const blockers = await blockersOf(target);
      const [said] = blockers.map((blocker) => says.exec(blocker)).filter((found) => found !== null);
      assert.ok(said, blockers.join("\n") || "no blocker");
      assert.equal(new Set(blockers).size, blockers.length, "each said once");
      await assert.rejects(target.apply(TABLE_STEPS[0] as (typeof TABLE_STEPS)[0], contractSpec(target)));
      assert.deepEqual(await snapshotDatabase(target.admin), before);
      const remedy = said[1] as string;
      await target.admin.query(remedy.endsWith("TO") ? `${remedy} ${role}` : remedy);
      const granted = await snapshotDatabase(target.admin);
      await migrate(target);
      await undoAll(target);
      assert.deepEqual(await snapshotDatabase(target.admin), granted);
    });

  it("and that was taken away after expand is missed by the step that comes next", async () => {
    const { target, role } = await makeTarget(await createDatabaseOn(await testCluster(), "rights"));
    await target.apply(TABLE_STEPS[0] as (typeof TABLE_STEPS)[0], contractSpec(target));
    await target.admin.query(
      `ALTER TABLE alembic_version OWNER TO CURRENT_USER; REVOKE ALL ON alembic_version FROM ${role}; GRANT SELECT ON alembic_version TO ${role}`,
    );
    const { blockers } = await (TABLE_STEPS[1] as (typeof TABLE_STEPS)[0]).observe(
      contractSpec(target),
      target.deps(),
    );
    assert.match(blockers.join(), /to have INSERT, DELETE on "public"\."alembic_version"/);
  });

  it("and a schema of another role's rollout is named, in one sentence and with its owner", async () => {
    const { target } = await makeTarget(await createDatabaseOn(await testCluster(), "rights"));
    const own = target.stepUrl;
    target.stepUrl = target.url;
    await migrate(target);
    target.stepUrl = own;
    const blockers = await blockersOf(target);
    assert.equal(blockers.length, 1);
    assert.match(
      blockers.join(),
      /to own schema rollout, which role rollout made, got no right\. Connect as/,
    );
  });

  it("is none where the newest server gives it with the grant: a role without INHERIT", async function () {
    const cluster = await otherServer(this, 18);
    const { target, role } = await makeTarget(await createDatabaseOn(cluster, "rights"));
    await target.admin.query(`ALTER ROLE ${role} NOINHERIT`);
    const before = await snapshotDatabase(target.admin);
    assert.deepEqual(await blockersOf(target), []);
    await migrate(target);
    await undoAll(target);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });
});
