import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { connect } from "../../postgres/connect.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { verification } from "../../steps/verification.ts";
import { createDatabase, createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

describe("a target that is not as it should be", () => {
  let target: RolloutTarget;
  const make = async (ddl = "", rows = 16) => {
    target = await RolloutTarget.make({ rows, ddl });
    return target;
  };
  afterEach(() => target.dispose());

  const noop =
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;";
  const assigns =
    "CREATE FUNCTION guess() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.deal_type := 'x'; RETURN NEW; END $$;";
  const blocked: [string, string, RegExp][] = [
    [
      "a trigger of the app on update",
      `${noop} CREATE TRIGGER touch BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION touch()`,
      /got touch \(touch\(\)\)\. Narrow it/,
    ],
    [
      "a trigger of the app that assigns the column",
      `${assigns} CREATE TRIGGER guess BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION guess()`,
      /got guess \(guess\(\), line 1: NEW\.deal_type\)\. Let it leave the column alone/,
    ],
    [
      "a trigger that would fire after the normaliser",
      `${noop} CREATE TRIGGER "~~z" BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION touch()`,
      /got ~~z/,
    ],
    [
      "a constraint of the wanted name",
      "ALTER TABLE deals ADD CONSTRAINT valid_deal_type CHECK (deal_type <> 'q')",
      /expected no constraint valid_deal_type/,
    ],
    [
      "a unique index on the column",
      "CREATE UNIQUE INDEX odd ON deals (deal_type, name)",
      /unique index odd to judge an old spelling .*"carve-out" and "carveout" taken for different/,
    ],
    [
      "a foreign key on the column",
      "CREATE TABLE kinds (k varchar(50) PRIMARY KEY); ALTER TABLE deals ADD FOREIGN KEY (deal_type) REFERENCES kinds NOT VALID",
      /in no foreign key/,
    ],
    [
      "a column too narrow for the values",
      "UPDATE deals SET deal_type = 'x'; ALTER TABLE deals ALTER deal_type TYPE varchar(9)",
      /expected every allowed value to fit character varying\(9\), got "acquisition", "divestiture"/,
    ],
    [
      "a column of another type",
      "UPDATE deals SET deal_type = 'x'; ALTER TABLE deals ALTER deal_type TYPE char(20)",
      /to be text or varchar, got character\(20\)/,
    ],
    [
      "a key that is not the primary key",
      "ALTER TABLE deals DROP CONSTRAINT deals_pkey CASCADE",
      /single-column primary key/,
    ],
    [
      "a partitioned table",
      "DROP TABLE notes; DROP TABLE deals; CREATE TABLE deals (id bigint PRIMARY KEY, deal_type text) PARTITION BY RANGE (id)",
      /an ordinary table, got a partitioned table/,
    ],
    ["a table with a child", "CREATE TABLE child () INHERITS (deals)", /stand alone/],
    ["a rewrite rule", "CREATE RULE r AS ON DELETE TO deals DO ALSO NOTHING", /no rewrite rule/],
    [
      "a publication with a row filter that the replica identity does not cover",
      "CREATE PUBLICATION partly FOR TABLE deals WHERE (deal_type = 'carve-out')",
      /to accept an UPDATE of "public"\."deals", got SQLSTATE 42P10: .*\(publications: partly\)\. ALTER TABLE "public"\."deals" REPLICA IDENTITY FULL/,
    ],
    [
      "a publication of columns without the key",
      "CREATE PUBLICATION partly FOR TABLE deals (name)",
      /to accept an UPDATE of "public"\."deals", got SQLSTATE 42P10/,
    ],
    [
      "a replica identity by an index that is gone",
      "CREATE UNIQUE INDEX named ON deals (name); ALTER TABLE deals REPLICA IDENTITY USING INDEX named; DROP INDEX named; CREATE PUBLICATION partly FOR TABLE deals",
      /to accept an UPDATE of "public"\."deals", got SQLSTATE 55000/,
    ],
    [
      "no such column",
      "ALTER TABLE deals RENAME deal_type TO kind",
      /expected column deals\.deal_type, got none/,
    ],
    [
      "no such table",
      "ALTER TABLE deals RENAME TO bargains",
      /expected table public\.deals in database rollout_\S+, got none/,
    ],
    [
      "values that no rule maps",
      "UPDATE deals SET deal_type = 'TBD' WHERE id IN (3, 5)",
      /got 2 rows that no rule maps \(id: value\): 3: "TBD", 5: "TBD"\. Add/,
    ],
  ];
  for (const [what, ddl, expected] of blocked) {
    it(`is refused before any change: ${what}`, async () => {
      await make(ddl);
      const before = await snapshotDatabase(target.admin);
      const { blockers } = await expand.observe(target.spec(), target.deps());
      assert.match(blockers.join("\n"), expected);
      await assert.rejects(target.apply(expand, target.spec()), expected);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("is refused where the database's encoding lacks a letter of a spelling", async () => {
    const admin = new pg.Client({ connectionString: await createDatabase("letters") });
    await admin.connect();
    const name = `latin_${admin.database}`;
    await admin.query(
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    await admin.end();
    const url = new URL(await createDatabase("letters"));
    url.pathname = name;
    target = await RolloutTarget.make({ rows: 16, url: url.href });
    const observe = async (spelling: string) => {
      const normalise = {
        ...CHANGE.normalise,
        spellings: { ...CHANGE.normalise.spellings, [spelling]: "carveout" },
      };
      const spec = target.spec({ change: { ...CHANGE, normalise } });
      return (await expand.observe(spec, target.deps())).blockers;
    };
    assert.deepEqual(await observe("Ausgliederung für später"), []);
    assert.match(
      (await observe("carve\u2011out")).join("\n"),
      /^expected every value of change\.allowed and change\.normalise in the database's encoding LATIN1, got "carve\u2011out"/,
    );
  });

  it("is not refused for a rewrite rule that has been dropped", async () => {
    await make("CREATE RULE r AS ON DELETE TO deals DO ALSO NOTHING; DROP RULE r ON deals");
    assert.deepEqual((await expand.observe(target.spec(), target.deps())).blockers, []);
  });

  it("is refused on the newest server where NOT NULL is not valid: the way back could not restore a NULL", async function () {
    const cluster = await otherServer(this, 18);
    target = await RolloutTarget.make({
      url: await createDatabaseOn(cluster),
      ddl: "ALTER TABLE deals ADD CONSTRAINT wanted NOT NULL deal_type NOT VALID",
    });
    const { blockers } = await expand.observe(target.spec(), target.deps());
    assert.match(
      blockers.join("\n"),
      /NOT NULL of deals\.deal_type to be validated or not there, got wanted, which is NOT VALID/,
    );
    await target.admin.query("ALTER TABLE deals DROP CONSTRAINT wanted");
    assert.deepEqual((await expand.observe(target.spec(), target.deps())).blockers, []);
  });

  it("is refused when the role has no rights, naming each", async () => {
    await make();
    await target.admin.query("ALTER ROLE rollout_test_app PASSWORD 'x'");
    const url = new URL(target.url);
    [url.username, url.password] = ["rollout_test_app", "x"];
    const { blockers } = await expand.observe(
      target.spec(),
      target.deps({ connect: () => connect(url.href) }),
    );
    assert.match(blockers.join("\n"), /to own public\.deals, got owner rollout/);
    assert.match(blockers.join("\n"), /create schema rollout, got no right/);
    assert.match(blockers.join("\n"), /CREATE ROLE rollout_journal_\d+ NOLOGIN/);
  });

  it("lets the application's role write as before, without any right of its own to the journal", async () => {
    await make();
    const { trials } = await target.apply(expand, target.spec());
    assert.ok(trials.includes("insert as rollout_test_app") && trials.includes("update as rollout_test_app"));
    await target.admin.query("SET ROLE rollout_test_app; INSERT INTO deals (id, name) VALUES (77, 'mine')");
    await target.admin.query("UPDATE deals SET deal_type = 'carve-out' WHERE id = 77");
    await assert.rejects(target.admin.query("SELECT FROM rollout.event"), { code: "42501" });
    await assert.rejects(target.admin.query("SELECT rollout.normalise()"), { code: "42501" });
    await target.admin.query("RESET ROLE");
    assert.equal((await target.values()).mine, "carveout");
    const { rows } = await target.admin.query(
      `SELECT DISTINCT r.rolcanlogin, r.rolsuper FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
       WHERE p.pronamespace = 'rollout'::regnamespace`,
    );
    assert.deepEqual(rows, [{ rolcanlogin: false, rolsuper: false }]);
  });

  it("names the rows that violate the constraint and finishes when they are corrected", async () => {
    await make();
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    await target.admin.query("UPDATE deals SET deal_type = 'strange' WHERE id = 9");
    await assert.rejects(
      target.apply(constraint, target.spec()),
      /got \(id: value\) 9: "strange"\. The checks stay NOT VALID/,
    );
    await target.admin.query("UPDATE deals SET deal_type = 'carveout' WHERE id = 9");
    await target.apply(constraint, target.spec());
  });

  it("keeps a NOT NULL and a default that were there before", async () => {
    await make(
      "UPDATE deals SET deal_type = '' WHERE deal_type IS NULL; ALTER TABLE deals ALTER deal_type SET NOT NULL, ALTER deal_type SET DEFAULT 'carve-out'",
    );
    const before = await snapshotDatabase(target.admin);
    for (const step of STEPS) await target.apply(step, target.spec());
    for (const step of STEPS.toReversed()) await target.undo(step, target.spec());
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  const byHand: [string, string, Step<ChangeStepSpec>, RegExp][] = [
    [
      "the constraint",
      "ALTER TABLE deals DROP CONSTRAINT valid_deal_type",
      constraint,
      /constraint valid_deal_type validated: no constraint/,
    ],
    ["NOT NULL", "ALTER TABLE deals ALTER deal_type DROP NOT NULL", constraint, /NOT NULL: it accepts NULL/],
    [
      "the normaliser",
      'DROP TRIGGER "~rollout_normalise" ON deals',
      expand,
      /~rollout_normalise on deals: no trigger/,
    ],
    [
      "the tracker's switch",
      'ALTER TABLE deals DISABLE TRIGGER "~rollout_3_assign"',
      expand,
      /~rollout_3_assign on deals: disabled/,
    ],
    [
      "a function",
      "CREATE OR REPLACE FUNCTION rollout.normalise() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      expand,
      /function rollout\.normalise\(\) as expand made it: missing or changed/,
    ],
  ];
  for (const definition of [
    "deal_type <> 'x'",
    "deal_type IN ('acquisition', 'carveout', 'divestiture', 'other')",
  ]) {
    const sql = `ALTER TABLE deals DROP CONSTRAINT valid_deal_type;
      ALTER TABLE deals ADD CONSTRAINT valid_deal_type CHECK (${definition})`;
    byHand.push([
      `the definition (now ${definition})`,
      sql,
      constraint,
      /a constraint with another definition/,
    ]);
  }
  for (const [what, sql, step, expected] of byHand) {
    it(`shows drift when ${what} was touched by hand, repairs it, and goes back all the same`, async () => {
      await make();
      const before = await snapshotDatabase(target.admin);
      for (const each of STEPS) await target.apply(each, target.spec());
      for (const repair of [true, false]) {
        await target.admin.query(sql);
        const { drift } = await step.observe(target.spec(), target.deps());
        assert.match(drift.map((d) => `${d.expected}: ${d.observed}`).join("\n"), expected);
        if (!repair) break;
        await target.apply(step, target.spec());
        assert.deepEqual((await step.observe(target.spec(), target.deps())).drift, []);
      }
      for (const each of STEPS.toReversed()) await target.undo(each, target.spec());
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("is left alone by the undo where schema rollout was dropped by hand, which says so", async () => {
    await make();
    for (const step of STEPS) await target.apply(step, target.spec());
    await target.admin.query("DROP SCHEMA rollout CASCADE");
    const { drift } = await expand.observe(target.spec(), target.deps());
    assert.equal(drift[0]?.observed, "no such schema");
    assert.match(
      (await target.undo(migration, target.spec())).summary,
      /nothing to restore: schema rollout holds no journal/,
    );
    assert.match((await target.undo(expand, target.spec())).summary, /nothing to undo/);
  });

  it("keeps what others have put into schema rollout, and says how to take it out", async () => {
    await make();
    for (const step of STEPS) await target.apply(step, target.spec());
    // As the tests' superuser is called rollout, its own search_path leads there.
    await target.admin.query("CREATE TABLE invoices AS SELECT 7 AS id");
    for (const step of [constraint, migration])
      await target.undo<ChangeStepSpec, object>(step, target.spec());
    await assert.rejects(
      target.undo(expand, target.spec()),
      /nothing of others in schema rollout before it is dropped, got invoices\..*ALTER TABLE rollout\.invoices SET SCHEMA public/,
    );
    await target.admin.query("ALTER TABLE rollout.invoices SET SCHEMA public");
    await target.undo(expand, target.spec());
    const { rows } = await target.admin.query(
      "SELECT id, to_regnamespace('rollout') AS schema FROM invoices",
    );
    assert.deepEqual(rows, [{ id: 7, schema: null }]);
  });

  it("never makes a writer wait longer than the limit for a long reader, and names the reader", async () => {
    await make("", 200);
    const reader = new pg.Client({ connectionString: target.url, application_name: "the long report" });
    await reader.connect();
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    await reader.query("BEGIN; SELECT count(*) FROM deals");
    const done = target.apply(constraint, target.spec());
    const waits: number[] = [];
    const until = Date.now() + 1_500;
    while (Date.now() < until) {
      const began = performance.now();
      await target.admin.query("UPDATE deals SET budget = budget + 1 WHERE id = 5");
      waits.push(performance.now() - began);
      await sleep(2);
    }
    await reader.query("COMMIT");
    await done;
    await reader.end();
    // The limit is 50 ms; without it the writer would have waited for all of the 1.5 s.
    assert.ok(Math.max(...waits) < 500, `longest wait ${Math.max(...waits)} ms`);
    assert.match(
      target.logged.join("\n"),
      /waiting for ACCESS EXCLUSIVE .*held up by .*the long report \(pid \d+/,
    );
  });

  it("waits in the backfill for a row that a user has locked, and changes it then", async () => {
    await make();
    await target.apply(expand, target.spec());
    const user = new pg.Client({ connectionString: target.url });
    await user.connect();
    await user.query("BEGIN; UPDATE deals SET budget = 1 WHERE id = 1");
    const done = target.apply(migration, target.spec());
    await sleep(300);
    await user.query("COMMIT");
    await user.end();
    assert.equal((await done).after.invalid, 0);
  });

  it("proves the migration, and finds what is missing from it", async () => {
    await make();
    const { specVersion, identity, generation, deadlineSeconds } = target.spec();
    const spec = { specVersion, identity, generation, deadlineSeconds, change: CHANGE };
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    const without = verification.apply(spec, target.deps());
    await assert.rejects(
      without,
      /no CHECK valid_deal_type.*accepts NULL; deals\.deal_type accepted "rollout-negative-write"/,
    );
    await target.apply(constraint, target.spec());
    const before = await snapshotDatabase(target.admin);
    const proof = await verification.apply(spec, target.deps());
    assert.deepEqual(
      proof.negativeWrites?.map((w) => w.sqlState),
      ["23514", "23514"],
    );
    assert.equal(proof.before?.null, 2);
    assert.equal(proof.after.invalid, 0);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });
});
