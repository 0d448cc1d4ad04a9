import assert from "node:assert/strict";
import pg from "pg";
import { readTargetFacts, type TargetFacts } from "../../postgres/migration/target-facts.ts";
import { judgeTarget } from "../../postgres/migration/target-findings.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { CHANGE, RolloutTarget } from "../steps/rollout-target.ts";

/** `deals` anew, with this key and column. */
const deals = (columns: string, more = "") =>
  `DROP TABLE notes; DROP TABLE deals; CREATE TABLE deals (${columns}) ${more}`;
const ALL_CASE = "CREATE COLLATION fold (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

describe("findings about the target", () => {
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  const rows: [what: string, ddl: string, expected: RegExp][] = [
    [
      "an unlogged table",
      "ALTER TABLE notes SET UNLOGGED; ALTER TABLE deals SET UNLOGGED",
      /to be a logged table, got an unlogged/,
    ],
    [
      "a partition",
      `${deals("id bigint, deal_type text", "PARTITION BY RANGE (id)")}; ALTER TABLE deals RENAME TO parent;
        CREATE TABLE deals PARTITION OF parent (PRIMARY KEY (id)) DEFAULT`,
      /to stand alone, got a partition or inheritance/,
    ],
    [
      "a view",
      "ALTER TABLE deals RENAME TO bargains; CREATE VIEW deals AS SELECT * FROM bargains",
      /got a view\. /,
    ],
    [
      "a generated column",
      deals("id bigint PRIMARY KEY, deal_type text GENERATED ALWAYS AS ('x') STORED"),
      /an ordinary column, got a generated one/,
    ],
    [
      "a column that does not compare byte by byte",
      `${ALL_CASE}; ${deals("id bigint PRIMARY KEY, deal_type text COLLATE fold")}`,
      /deals\.deal_type to compare byte by byte, got a nondeterministic collation/,
    ],
    [
      "a key that does not compare byte by byte",
      `${ALL_CASE}; ${deals("id text COLLATE fold PRIMARY KEY, deal_type text")}`,
      /key deals\.id to compare byte by byte, got a nondeterministic collation/,
    ],
    [
      "a key that is checked late",
      deals("id bigint PRIMARY KEY DEFERRABLE, deal_type text"),
      /primary key deals\.id to be checked at once, got a deferrable one/,
    ],
    [
      "a key of another type",
      deals("id numeric PRIMARY KEY, deal_type text"),
      /key deals\.id of type smallint, .*, got numeric/,
    ],
    [
      "no key column",
      deals("no bigint PRIMARY KEY, deal_type text"),
      /expected key column deals\.id, got none/,
    ],
    [
      "a key of two columns",
      deals("id bigint, part int, deal_type text, PRIMARY KEY (id, part)"),
      /single-column primary key, got another/,
    ],
    [
      "a partial unique index on the column's value",
      "CREATE UNIQUE INDEX one_untyped ON deals (budget) WHERE deal_type IS NULL AND budget > 0",
      /unique index one_untyped to judge an old spelling .*NULL under it where .*, "acquisition" never under it/,
    ],
  ];
  for (const [what, ddl, expected] of rows) {
    it(`stop expand before any change: ${what}`, async () => {
      target = await RolloutTarget.make({ ddl });
      const before = await snapshotDatabase(target.admin);
      assert.match((await expand.observe(target.spec(), target.deps())).blockers.join("\n"), expected);
      await assert.rejects(target.apply(expand, target.spec()), expected);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("stop expand where row security hides rows from the migrator, and not once it may see them", async () => {
    const role = `blind_${process.pid}`;
    target = await RolloutTarget.make({
      ddl: `ALTER TABLE deals ENABLE ROW LEVEL SECURITY; ALTER TABLE deals FORCE ROW LEVEL SECURITY;
        CREATE ROLE ${role}; GRANT SELECT ON deals TO ${role}; ALTER TABLE deals OWNER TO ${role}`,
    });
    const blockers = async () => {
      await target.admin.query(`SET ROLE ${role}`);
      const facts = await readTargetFacts(target.admin, CHANGE);
      await target.admin.query("RESET ROLE");
      return judgeTarget(facts, CHANGE, target.spec().migration, { made: false }).blockers.join("\n");
    };
    assert.match(
      await blockers(),
      new RegExp(
        `role ${role} to see every row of public\\.deals, got row security that filters for it\\. ALTER ROLE ${role} BYPASSRLS`,
      ),
    );
    await target.admin.query(`ALTER ROLE ${role} BYPASSRLS`);
    assert.doesNotMatch(await blockers(), /row security/);
    await target.admin.query(`ALTER TABLE deals NO FORCE ROW LEVEL SECURITY; ALTER ROLE ${role} NOBYPASSRLS`);
    assert.doesNotMatch(await blockers(), /row security/);
    await target.admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  });

  it("stop on a standby, by name", async () => {
    // Stands for a second server: the one fact that differs there.
    target = await RolloutTarget.make();
    const facts: TargetFacts = { ...(await readTargetFacts(target.admin, CHANGE)), standby: true };
    const { blockers } = judgeTarget(facts, CHANGE, target.spec().migration, { made: false });
    assert.deepEqual(blockers, ["expected the primary server, got a standby of it. Correct databaseUrl."]);
  });

  it("stop on the rollout of another stack, which nothing of ours changes or takes back", async () => {
    target = await RolloutTarget.make();
    const steps: Step<ChangeStepSpec>[] = [expand, migration, constraint];
    for (const step of steps) await target.apply(step, target.spec());
    const { identity } = target.spec();
    for (const [stack, column] of [
      ["other", "deal_type"],
      ["test", "name"],
    ] as const) {
      const spec = target.spec({ identity: { ...identity, stack }, change: { ...CHANGE, column } });
      const before = await snapshotDatabase(target.admin);
      const expected =
        /expected no other rollout in this database, got deals\.deal_type of stack test\. Lower or finish/;
      assert.match((await expand.observe(spec, target.deps())).blockers.join("\n"), expected);
      for (const step of steps) await assert.rejects(target.apply(step, spec), expected);
      for (const step of steps.toReversed()) {
        assert.match(
          (await target.undo(step, spec)).summary,
          /nothing to undo: schema rollout holds deals\.deal_type of stack test, which is left alone/,
        );
      }
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    }
  });

  it("tell a transaction that has used the table for long, and a default that stays", async () => {
    target = await RolloutTarget.make({ ddl: "ALTER TABLE deals ALTER deal_type SET DEFAULT 'carve-out'" });
    const reader = new pg.Client({ connectionString: target.url, application_name: "the long report" });
    await reader.connect();
    await reader.query("BEGIN; SELECT count(*) FROM deals");
    // A clock that is ten minutes ahead, for this session alone: nobody has to wait.
    await target.admin.query(`CREATE SCHEMA ahead; CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz
      LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() + interval '10 min' $$; SET search_path = ahead, pg_catalog`);
    const facts = await readTargetFacts(target.admin, CHANGE);
    await reader.end();
    const { notes } = judgeTarget(facts, CHANGE, target.spec().migration, { made: false });
    assert.match(notes.join("\n"), /a transaction of 60\d s uses the table: the long report \(pid \d+\)/);
    assert.match(notes.join("\n"), /existing default 'carve-out'::character varying is kept/);
  });
});
