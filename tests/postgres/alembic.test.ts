import assert from "node:assert/strict";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { CHANGE, RolloutTarget } from "../steps/rollout-target.ts";

describe("the stamp in alembic_version", () => {
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  const make = async (ddl: string) => {
    target = await RolloutTarget.make({ rows: 8, ddl });
    return snapshotDatabase(target.admin);
  };
  const stamped = async () =>
    (await target.admin.query("SELECT version_num FROM alembic_version ORDER BY 1")).rows.map(
      (row) => row.version_num,
    );
  const forward = async (spec = target.spec()) => {
    await target.apply(expand, spec);
    return target.apply(migration, spec);
  };
  const back = async () => {
    const { kept } = await target.undo(migration, target.spec());
    await target.undo(expand, target.spec());
    return kept;
  };

  it("is not made where there is no such table, nor where no revision is configured", async () => {
    const before = await make("DROP TABLE alembic_version");
    assert.equal((await forward()).alembicRevision, null);
    assert.deepEqual(await back(), []);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
    await target.dispose();
    await make("");
    assert.equal((await forward(target.spec({}, { alembicRevision: undefined }))).alembicRevision, null);
    assert.deepEqual(await stamped(), ["003"]);
  });

  for (const [what, ddl, table] of [
    [
      "another schema",
      "CREATE SCHEMA crm; ALTER TABLE alembic_version SET SCHEMA crm",
      "crm.alembic_version",
    ],
    ["another name", "ALTER TABLE alembic_version RENAME TO crm_revision", "crm_revision"],
    [
      "a schema and a name of its own",
      `CREATE SCHEMA "Odd"; ALTER TABLE alembic_version RENAME TO "Version"; ALTER TABLE "Version" SET SCHEMA "Odd"`,
      `"Odd"."Version"`,
    ],
  ] as const) {
    it(`is found in a table with ${what}, and taken back there`, async () => {
      const before = await make(ddl);
      const read = async () =>
        (await target.admin.query(`SELECT string_agg(version_num, ', ') AS now FROM ${table}`)).rows[0].now;
      assert.equal((await forward()).alembicRevision, "004");
      assert.equal(await read(), "004");
      // One that came since is told apart by the stamp.
      await target.admin.query(
        "CREATE SCHEMA later; CREATE TABLE later.alembic_version (version_num varchar(32))",
      );
      assert.deepEqual(await back(), []);
      await target.admin.query("DROP SCHEMA later CASCADE");
      assert.equal(await read(), "003");
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("is not made in one of several tables, until the configuration says in which", async () => {
    await make(
      "CREATE SCHEMA crm; CREATE TABLE crm.alembic_version (version_num varchar(32)); INSERT INTO crm.alembic_version VALUES ('c1')",
    );
    const expected =
      /expected one table of Alembic's in the database, got crm\.alembic_version, public\.alembic_version\. Set change\.versionTable/;
    assert.match((await migration.observe(target.spec(), target.deps())).blockers.join(), expected);
    await assert.rejects(forward(), expected);
    assert.deepEqual(await stamped(), ["003"]);
    const spec = target.spec({ change: { ...CHANGE, versionTable: "crm.alembic_version" } });
    assert.deepEqual((await migration.observe(spec, target.deps())).blockers, []);
    await target.apply(migration, spec);
    assert.deepEqual(await stamped(), ["003"]);
    const { rows } = await target.admin.query("SELECT version_num FROM crm.alembic_version");
    assert.deepEqual(rows, [{ version_num: "004" }]);
    const wrong = target.spec({ change: { ...CHANGE, versionTable: "crm.versions" } });
    await target.undo(migration, spec);
    assert.match(
      (await migration.observe(wrong, target.deps())).blockers.join(),
      /expected Alembic's table crm\.versions \(change\.versionTable\), got crm\.alembic_version, public\.alembic_version\./,
    );
  });

  it("is said not to be made, where no schema has such a table", async () => {
    await make("DROP TABLE alembic_version");
    const { plan } = await migration.observe(target.spec(), target.deps());
    assert.match(
      plan.join("\n"),
      /note: no schema of the database has a table of Alembic's, so no revision is stamped/,
    );
  });

  it("is refused where there are several heads, of which nobody could say which one goes on", async () => {
    await make("INSERT INTO alembic_version VALUES ('other')");
    const { blockers } = await migration.observe(target.spec(), target.deps());
    assert.match(
      blockers.join(),
      /expected one revision in alembic_version, got 003, other\. Merge the heads/,
    );
    await assert.rejects(forward(), /migration: expected one revision in alembic_version/);
    assert.deepEqual(await stamped(), ["003", "other"]);
  });

  for (const before of [[], ["004"]]) {
    it(`is taken back to ${before.join() || "an empty table"}`, async () => {
      const values = before.map((revision) => `('${revision}')`).join();
      const start = await make(
        `DELETE FROM alembic_version; ${values ? `INSERT INTO alembic_version VALUES ${values}` : ""}`,
      );
      assert.equal((await forward()).alembicRevision, "004");
      assert.deepEqual(await stamped(), ["004"]);
      assert.deepEqual(await back(), []);
      assert.deepEqual(await snapshotDatabase(target.admin), start);
    });
  }

  it("stays, and is named, where somebody else has moved on since", async () => {
    await make("");
    await forward();
    await target.admin.query("UPDATE alembic_version SET version_num = '005'");
    assert.deepEqual(await back(), [{ subject: "alembic_version", reason: "holds 005, not the stamp 004" }]);
    assert.deepEqual(await stamped(), ["005"]);
  });

  it("is drift when it was taken away, and made again", async () => {
    await make("");
    await forward();
    await target.admin.query("UPDATE alembic_version SET version_num = '003'");
    const { drift, plan } = await migration.observe(target.spec(), target.deps());
    assert.deepEqual(drift, [{ expected: "alembic_version 004", observed: "alembic_version 003" }]);
    assert.match(plan.join("\n"), /stamps alembic_version 004 \(now 003\)/);
    await target.apply(migration, target.spec());
    assert.deepEqual(await back(), []);
    assert.deepEqual(await stamped(), ["003"]);
  });
});
