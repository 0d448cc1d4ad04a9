import assert from "node:assert/strict";
import { judgeRules } from "../../postgres/migration/rule-judgement.ts";
import { tryRules } from "../../postgres/migration/rule-trial.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { CHANGE, RolloutTarget } from "../steps/rollout-target.ts";

// Rows 1 and 9 hold 'carve-out', 2 and 10 'Carve-Out ', 3 and 11 '', 4 and 12 "seller's", 8 and 16 NULL: see RolloutTarget.
describe("what judges the rows of the table", () => {
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  const broken: [what: string, ddl: string, expected: RegExp][] = [
    [
      "a CHECK that the mapped value breaks",
      "ALTER TABLE deals ADD CONSTRAINT old_only CHECK (deal_type IN ('carve-out', 'Carve-Out ', '', 'seller''s', 'acquisition', 'divestiture')) NOT VALID",
      /^expected CHECK old_only to hold for every row with its mapped deals\.deal_type, got 4 rows that break it \(id: 1, 2, 9, 10\)\. .*To see them: SELECT "id"/,
    ],
    [
      "a CHECK of the application's own that is NOT VALID, whatever it asks for",
      "ALTER TABLE deals ADD CONSTRAINT paid CHECK (budget > 0) NOT VALID; UPDATE deals SET budget = 1 WHERE id > 1",
      /CHECK paid to hold .* got 1 row that break it \(id: 1\)/,
    ],
    [
      "a CHECK that held when the rows were written, and does no more",
      "ALTER TABLE deals ADD CONSTRAINT fresh CHECK (updated_at > now() - interval '1 day') NOT VALID; UPDATE pg_constraint SET convalidated = true WHERE conname = 'fresh'",
      /CHECK fresh to hold .* got \d+ rows that break it/,
    ],
    [
      "a CHECK of a column that is generated from it",
      "ALTER TABLE deals ADD kind text GENERATED ALWAYS AS (upper(deal_type)) STORED, ADD CONSTRAINT no_sale CHECK (kind <> 'DIVESTITURE' OR budget > 1)  NOT VALID",
      /CHECK no_sale to hold .* got 2 rows that break it \(id: 4, 12\)/,
    ],
    [
      "a generated column that can't be worked out",
      "CREATE TYPE kind AS ENUM ('carve-out', 'Carve-Out ', '', 'seller''s', 'acquisition', 'divestiture'); UPDATE deals SET deal_type = 'acquisition' WHERE deal_type = 'carveout'; ALTER TABLE deals ADD k int GENERATED ALWAYS AS (CASE WHEN deal_type = 'carveout' AND id > 5 THEN 1 / (id::int - id::int) ELSE 1 END) STORED",
      /generated column k to hold .* got SQLSTATE 22012, first at id 9\./,
    ],
    [
      "a generated column that the mapped value does not fit",
      `UPDATE deals SET deal_type = 'acquisition' WHERE deal_type = 'divestiture'; UPDATE deals SET deal_type = NULL WHERE deal_type = 'acquisition';
       ALTER TABLE deals ALTER deal_type TYPE text, ADD short varchar(9) GENERATED ALWAYS AS (left(deal_type, 10)) STORED`,
      /generated column short to hold .* got \d+ rows that break it/,
    ],
    [
      "a unique index over the column",
      "CREATE UNIQUE INDEX one ON deals (deal_type, (id / 4)) WHERE id < 4",
      /unique index one to hold .* got 2 rows that break it \(id: 1, 2\)/,
    ],
    [
      "a unique index over a column that is called like our own mark",
      'ALTER TABLE deals ADD "is changed" int DEFAULT 1, ADD "is changed!" int; CREATE UNIQUE INDEX one ON deals (deal_type, (id / 4)) WHERE "is changed" = 1 AND id < 4',
      /unique index one to hold .* got 2 rows that break it \(id: 1, 2\)/,
    ],
    [
      "a unique index whose expression has the column in it",
      "CREATE UNIQUE INDEX two ON deals (lower(deal_type)) WHERE id IN (9, 14)",
      /unique index two to hold .* got 2 rows that break it \(id: 9, 14\)/,
    ],
    [
      "an index whose expression fails for a mapped value",
      "CREATE INDEX odd ON deals (name, (1 / (CASE WHEN deal_type = 'carveout' AND id IN (1, 9) THEN 0 ELSE 1 END)))",
      /index odd to hold .* got SQLSTATE 22012, first at id 1\./,
    ],
    [
      "an index whose WHERE fails for a mapped value",
      "CREATE INDEX odd ON deals (name) WHERE (CASE WHEN deal_type = 'divestiture' AND id = 12 THEN 'x' ELSE id::text END)::int > 0",
      /index odd to hold .* got SQLSTATE 22P02, first at id 12\./,
    ],
    [
      "a unique index with the key in it whose expression fails for a mapped value",
      "CREATE UNIQUE INDEX odd ON deals (id, (1 / (CASE WHEN deal_type = 'carveout' AND id IN (1, 9) THEN 0 ELSE 1 END)))",
      /index odd to hold .* got SQLSTATE 22012, first at id 1\./,
    ],
    [
      "an EXCLUDE constraint with the column in its WHERE",
      "CREATE EXTENSION btree_gist; ALTER TABLE deals ADD CONSTRAINT apart EXCLUDE USING gist (budget WITH =) WHERE (deal_type = 'carveout' AND id < 7)",
      /EXCLUDE apart to hold .* got 2 rows that break it \(id: 1, 2\)/,
    ],
  ];
  for (const [what, ddl, expected] of broken) {
    it(`is tried on the rows as they will be, before any change: ${what}`, async () => {
      target = await RolloutTarget.make({ rows: 16, ddl });
      const before = await snapshotDatabase(target.admin);
      const { blockers } = await tryRules(target.admin, CHANGE);
      assert.equal(blockers.length, 1, blockers.join("\n"));
      assert.match(blockers[0] as string, expected);
      // The query that it gives shows just these rows.
      const sql = /To see them: (.*)\.$/.exec(blockers[0] as string)?.[1] as string;
      const count = /got (\d+) row/.exec(blockers[0] as string)?.[1];
      if (count) assert.equal((await target.admin.query(sql)).rowCount, Number(count));
      assert.match((await expand.observe(target.spec(), target.deps())).blockers.join("\n"), expected);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("is not taken for fine when the time runs out, and may be accepted by name", async () => {
    target = await RolloutTarget.make({
      ddl: `CREATE FUNCTION public.slow(text) RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(1) IS NOT NULL';
        ALTER TABLE deals ADD CONSTRAINT sleepy CHECK (public.slow(name)) NOT VALID`,
    });
    const { blockers, unknown } = await tryRules(target.admin, CHANGE, { timeoutMs: 200 });
    assert.deepEqual(blockers, []);
    assert.match(
      unknown.map(({ finding }) => finding).join("\n"),
      /CHECK sleepy to hold .* not tried: not done in 0\.2 s/,
    );
    assert.deepEqual(
      unknown.map(({ name }) => name),
      ["sleepy"],
    );
  });

  it("is fine where it holds for the mapped values", async () => {
    target = await RolloutTarget.make({
      ddl: `CREATE EXTENSION btree_gist;
        ALTER TABLE deals ADD kind text GENERATED ALWAYS AS (deal_type || ': ' || budget) STORED,
          ADD CHECK (deal_type <> 'merger' OR budget > 5), ADD CHECK (length(deal_type) < 20),
          ADD CONSTRAINT apart EXCLUDE USING gist (name WITH =, deal_type WITH <>) WHERE (budget > 100);
        CREATE UNIQUE INDEX one ON deals (name) WHERE deal_type = 'merger';
        CREATE UNIQUE INDEX two ON deals (id, deal_type);
        CREATE INDEX three ON deals (lower(deal_type), length(deal_type) DESC) INCLUDE (budget) WHERE deal_type <> 'merger'`,
    });
    assert.deepEqual(await tryRules(target.admin, CHANGE), { blockers: [], unknown: [], notes: [] });
  });

  it("is told where it will not take the old values back", async () => {
    target = await RolloutTarget.make({
      rows: 16,
      ddl: "ALTER TABLE deals ADD CONSTRAINT news CHECK (deal_type IN ('acquisition', 'carveout', 'divestiture')) NOT VALID",
    });
    const { blockers, plan } = await expand.observe(target.spec(), target.deps());
    assert.deepEqual(blockers, []);
    assert.match(
      plan.join("\n"),
      /note: CHECK news refuses the old deals\.deal_type of 8 rows: the way back can't restore them while it stands/,
    );
  });

  it("is kept exact forward and back, once its risk is accepted", async () => {
    target = await RolloutTarget.make({
      ddl: `CREATE UNIQUE INDEX one ON deals (name, deal_type); ALTER TABLE deals ADD CONSTRAINT big CHECK (deal_type <> 'carveout' OR budget > 5) NOT VALID;
        UPDATE deals SET budget = 6`,
    });
    const before = await snapshotDatabase(target.admin);
    const spec = target.spec({}, { accept: ["one", "big"] });
    const steps: Step<ChangeStepSpec>[] = [expand, migration, constraint];
    for (const step of steps) await target.apply(step, spec);
    for (const step of steps.toReversed()) assert.deepEqual((await target.undo(step, spec)).kept, []);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  const judged: [what: string, ddl: string, expected: RegExp][] = [
    [
      "a CHECK with another column in it",
      "ALTER TABLE deals ADD CONSTRAINT big CHECK (deal_type <> 'carveout' OR budget > 5)",
      /^expected CHECK big to judge .* got "carve-out" never refused, "carveout" refused where \(deals\.budget <= '5'::numeric\); "Carve-Out "/,
    ],
    [
      "a CHECK that asks less of the new value",
      "ALTER TABLE deals ADD CONSTRAINT big CHECK (deal_type <> 'carve-out' OR budget > 5)",
      /"carve-out" refused where \(deals\.budget <= '5'::numeric\), "carveout" never refused/,
    ],
    [
      "a CASE over values, with NULL as one",
      "ALTER TABLE deals ADD CONSTRAINT big CHECK (CASE WHEN deal_type IS NULL THEN true WHEN deal_type = 'acquisition' THEN budget < 9 ELSE true END)",
      /NULL never refused, "acquisition" refused where \(deals\.budget >= '9'::numeric\)/,
    ],
    [
      "a list of values that lacks the new one",
      "ALTER TABLE deals ADD CONSTRAINT old_only CHECK (deal_type IN ('carve-out', 'acquisition'))",
      /"carve-out" never refused, "carveout" always refused/,
    ],
    [
      "a function that the planner may not work out",
      `CREATE FUNCTION public.known(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN $1 <> 'carveout'; END $$;
       ALTER TABLE deals ADD CONSTRAINT known CHECK (public.known(deal_type))`,
      /"carve-out" never refused, "carveout" always refused/,
    ],
    [
      "a policy",
      "ALTER TABLE deals ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON deals USING (true) WITH CHECK (deal_type = 'carve-out' OR budget > 5)",
      /policy own to judge .* "carve-out" always allowed, "carveout" allowed where/,
    ],
    [
      "a view WITH CHECK OPTION",
      `CREATE VIEW carved AS SELECT id, name, deal_type AS kind FROM deals WHERE deal_type = 'carve-out' ORDER BY id WITH CHECK OPTION;
       CREATE VIEW rich AS SELECT * FROM deals WHERE budget > 5 WITH CHECK OPTION; CREATE VIEW all_of_it AS SELECT * FROM deals WITH CHECK OPTION;
       CREATE VIEW free AS SELECT * FROM deals WHERE deal_type = 'carve-out'`,
      /view (public\.)?carved WITH CHECK OPTION to judge .*"carve-out" always allowed, "carveout" never allowed.*: from phase 1 on a write through the view may be refused/,
    ],
    [
      "a view WITH CHECK OPTION over a view",
      `CREATE VIEW carved AS SELECT * FROM deals WHERE deal_type = 'carve-out'; CREATE VIEW rich AS SELECT * FROM carved WHERE budget > 5 WITH CHECK OPTION`,
      /view (public\.)?rich WITH CHECK OPTION to judge .*"carve-out" not known \(it is no view over the table alone\)/,
    ],
    [
      "a publication with a row filter",
      "ALTER TABLE deals REPLICA IDENTITY FULL; CREATE PUBLICATION partly FOR TABLE deals WHERE (deal_type = 'carve-out' AND budget > 5)",
      /publication partly to judge .*"carve-out" published where \(deals\.budget > '5'::numeric\), "carveout" never published.*subscribers lose rows/,
    ],
    [
      "an AFTER trigger with a WHEN",
      `CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
       CREATE TRIGGER told AFTER INSERT ON deals FOR EACH ROW WHEN (NEW.deal_type = 'carve-out' AND NEW.budget > 5) EXECUTE FUNCTION public.tell();
       CREATE TRIGGER before_it BEFORE INSERT ON deals FOR EACH ROW WHEN (NEW.deal_type = 'carve-out') EXECUTE FUNCTION public.tell();
       CREATE TRIGGER changed AFTER UPDATE OF budget ON deals FOR EACH ROW WHEN (OLD.deal_type IS DISTINCT FROM NEW.deal_type) EXECUTE FUNCTION public.tell()`,
      /trigger told to judge .*"carve-out" fired for where \(deals\.budget > '5'::numeric\), "carveout" never fired for.* it fires for other writes/,
    ],
    [
      "a unique index",
      "CREATE UNIQUE INDEX one ON deals (name, deal_type)",
      /unique index one to judge .* "carve-out" and "carveout" taken for different/,
    ],
    [
      "a unique index of some values",
      "CREATE UNIQUE INDEX one ON deals (budget) WHERE deal_type = 'carveout'",
      /unique index one to judge .* "carve-out" never under it, "carveout" under it where/,
    ],
    [
      "an EXCLUDE constraint",
      "CREATE EXTENSION btree_gist; ALTER TABLE deals ADD CONSTRAINT apart EXCLUDE USING gist (budget WITH =) WHERE (deal_type = 'carveout')",
      /EXCLUDE apart to judge/,
    ],
    [
      "a generated column that the new value does not fit",
      "ALTER TABLE deals ADD short varchar(10) GENERATED ALWAYS AS (replace(deal_type, 'carveout', 'no longer fits')) STORED",
      /generated column short to judge .*"carve-out" never refused, "carveout" always refused/,
    ],
  ];
  for (const [what, ddl, expected] of judged) {
    it(`is found where it judges a later write otherwise, though no row is: ${what}`, async () => {
      target = await RolloutTarget.make({ rows: 0, ddl });
      const risks = await judgeRules(target.admin, CHANGE);
      assert.equal(risks.length, 1, JSON.stringify(risks));
      assert.match(risks[0]?.finding as string, expected);
      const name = risks[0]?.name as string;
      const observed = await expand.observe(target.spec(), target.deps());
      assert.match(
        observed.blockers.join("\n"),
        new RegExp(`take the risk: migration\\.accept: \\["${name}"\\]`),
      );
      const accepted = await expand.observe(target.spec({}, { accept: [name] }), target.deps());
      assert.deepEqual(accepted.blockers, []);
      assert.match(accepted.plan.join("\n"), /note: accepted \(migration\.accept\): expected/);
    });
  }

  it("is no risk where both are judged alike", async () => {
    target = await RolloutTarget.make({
      rows: 0,
      ddl: `ALTER TABLE deals ADD kind text GENERATED ALWAYS AS (deal_type || ': ' || budget) STORED,
          ADD CHECK (deal_type <> 'merger' OR budget > 5), ADD CHECK (length(deal_type) < 20), ADD CHECK (budget >= 0),
          ADD CHECK (deal_type IN ('carveout', 'acquisition', 'divestiture')),
          ADD CHECK (replace(lower(trim(coalesce(nullif(deal_type, ''), 'acquisition'))), '-', '') <> 'carveout' OR budget > 5);
        CREATE UNIQUE INDEX one ON deals (name) WHERE deal_type = 'merger';
        CREATE UNIQUE INDEX two ON deals (id, deal_type);
        CREATE POLICY unused ON deals USING (deal_type = 'carve-out')`,
    });
    assert.deepEqual(await judgeRules(target.admin, CHANGE), []);
  });
});
