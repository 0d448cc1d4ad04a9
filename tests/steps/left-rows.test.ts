import assert from "node:assert/strict";
import type { LeftThing } from "../../ledger/left.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step, UndoResult } from "../../steps/step.ts";
import { trigger } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

/** What the application does to the table after phase 1, and how it is taken away again. */
interface Obstacle {
  what: string;
  set: string;
  mend: string;
  /** Keys that can't go back. Of 16 rows 1 to 4, 8, 9 to 12 and 16 were mapped. */
  left: string[];
  code: string;
  reason: RegExp;
}

const MAPPED = ["1", "2", "3", "4", "8", "9", "10", "11", "12", "16"];

const OBSTACLES: Obstacle[] = [
  {
    what: "a CHECK on another column, which a row violates",
    set: "UPDATE deals SET budget = -1 WHERE id = 2; ALTER TABLE deals ADD CONSTRAINT positive CHECK (budget >= 0) NOT VALID",
    mend: "ALTER TABLE deals DROP CONSTRAINT positive; UPDATE deals SET budget = 0 WHERE id = 2",
    left: ["2"],
    code: "23514",
    reason: /^CHECK positive refuses it$/,
  },
  {
    what: "a CHECK, where nobody may make or drop an object of ours",
    set: `UPDATE deals SET budget = -1 WHERE id = 2; ALTER TABLE deals ADD CONSTRAINT positive CHECK (budget >= 0) NOT VALID;
      CREATE FUNCTION public.frozen() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('CREATE FUNCTION', 'DROP FUNCTION', 'CREATE TABLE', 'DROP TABLE')
        EXECUTE FUNCTION public.frozen()`,
    mend: `DROP EVENT TRIGGER frozen; DROP FUNCTION public.frozen();
      ALTER TABLE deals DROP CONSTRAINT positive; UPDATE deals SET budget = 0 WHERE id = 2`,
    left: ["2"],
    code: "23514",
    reason: /^CHECK positive refuses it$/,
  },
  {
    what: "a rewrite rule",
    set: "CREATE RULE none AS ON UPDATE TO deals DO INSTEAD NOTHING",
    mend: "DROP RULE none ON deals",
    left: MAPPED,
    code: "0A000",
    reason: /e\.g\. under a rewrite rule$/,
  },
  {
    what: "a NOT NULL on the column itself, where rows were NULL",
    set: "ALTER TABLE deals ADD CONSTRAINT wanted CHECK (deal_type IS NOT NULL)",
    mend: "ALTER TABLE deals DROP CONSTRAINT wanted",
    left: ["8", "16"],
    code: "23514",
    reason: /^CHECK wanted refuses it$/,
  },
  {
    what: "a trigger that raises for some rows, with the row in its message",
    set: trigger("IF NEW.id IN (3, 4, 12) THEN RAISE EXCEPTION 'secret %', NEW.name; END IF;", {
      name: "guard",
    }),
    mend: "DROP FUNCTION public.guard CASCADE",
    left: ["3", "4", "12"],
    code: "P0001",
    reason: /^trigger guard \(guard\(\)\) refuses it$/,
  },
  {
    what: "a trigger with a failed ASSERT, which OTHERS does not catch",
    set: trigger("ASSERT NEW.id <> 9;", { name: "sure" }),
    mend: "DROP FUNCTION public.sure CASCADE",
    left: ["9"],
    code: "P0004",
    reason: /^trigger sure \(sure\(\)\) refuses it$/,
  },
  {
    what: "a constraint trigger that is deferred to the commit",
    set: `CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id = 10 THEN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation', CONSTRAINT = 'late_rule'; END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON deals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.late()`,
    mend: "DROP FUNCTION public.late CASCADE",
    left: ["10"],
    code: "23514",
    reason: /^CHECK late_rule refuses it$/,
  },
  {
    what: "a composite foreign key that knows the new spellings only",
    set: `CREATE TABLE kinds (type varchar(50), budget numeric(14, 2), PRIMARY KEY (type, budget));
      INSERT INTO kinds SELECT DISTINCT deal_type, budget FROM deals; INSERT INTO kinds VALUES ('carve-out', 0);
      ALTER TABLE deals ADD CONSTRAINT known FOREIGN KEY (deal_type, budget) REFERENCES kinds`,
    mend: "ALTER TABLE deals DROP CONSTRAINT known; DROP TABLE kinds",
    left: ["2", "3", "4", "10", "11", "12"],
    code: "23503",
    reason: /^foreign key known refuses it$/,
  },
  {
    what: "a unique index on the original values",
    set: "CREATE UNIQUE INDEX one_budget ON deals (budget) WHERE deal_type IN ('acquisition', 'seller''s') AND id IN (5, 12)",
    mend: "DROP INDEX one_budget",
    left: ["12"],
    code: "23505",
    reason: /^unique index one_budget refuses it: another row holds that value$/,
  },
  {
    what: "an EXCLUDE constraint",
    // Row 5 was never mapped.
    set: "ALTER TABLE deals ADD CONSTRAINT apart EXCLUDE (budget WITH =) WHERE (deal_type IN ('acquisition', 'Carve-Out ') AND id IN (2, 5))",
    mend: "ALTER TABLE deals DROP CONSTRAINT apart",
    left: ["2"],
    code: "23P01",
    reason: /^EXCLUDE constraint apart refuses it$/,
  },
  {
    what: "a domain",
    set: `CREATE DOMAIN kind AS varchar(50) CONSTRAINT no_blanks CHECK (VALUE <> '' AND VALUE = btrim(VALUE));
      DROP TRIGGER "~rollout_normalise" ON deals; DROP TRIGGER "~rollout_3_assign" ON deals;
      ALTER TABLE deals ALTER deal_type TYPE kind`,
    mend: "ALTER TABLE deals ALTER deal_type TYPE varchar(50); DROP DOMAIN kind",
    left: ["2", "3", "10", "11"],
    code: "23514",
    reason: /^CHECK no_blanks of domain kind refuses it$/,
  },
  {
    what: "an enum that knows only some of the original spellings",
    set: `CREATE TYPE kind AS ENUM ('acquisition', 'carveout', 'divestiture', 'carve-out', '');
      ALTER TABLE deals DROP CONSTRAINT valid_deal_type; DROP TRIGGER "~rollout_normalise" ON deals; DROP TRIGGER "~rollout_3_assign" ON deals;
      ALTER TABLE deals ALTER deal_type TYPE kind USING deal_type::kind`,
    mend: "ALTER TABLE deals ALTER deal_type TYPE varchar(50); DROP TYPE kind",
    left: ["2", "4", "10", "12"],
    code: "22P02",
    reason: /^the original value does not fit the column as it is now$/,
  },
  {
    what: "a trigger that swallows the update",
    set: `CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id IN (1, 16) THEN RETURN NULL; END IF; RETURN NEW; END $$;
      CREATE TRIGGER swallow BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION public.swallow()`,
    mend: "DROP FUNCTION public.swallow CASCADE",
    left: ["1", "16"],
    code: "RO002",
    reason: /^the update was let pass without an effect/,
  },
  {
    what: "a trigger that writes another value, after all of ours",
    set: trigger("NEW.deal_type := CASE WHEN NEW.id = 11 THEN 'other' ELSE NEW.deal_type END;", {
      name: '"~~last"',
    }),
    mend: 'DROP FUNCTION public."~~last" CASCADE',
    left: ["11"],
    code: "RO001",
    reason: /^a trigger of the table changes the original value on its way in$/,
  },
  {
    what: "a trigger for every row, so that none goes back",
    set: trigger("RAISE EXCEPTION 'frozen';", { name: "frozen" }),
    mend: "DROP FUNCTION public.frozen CASCADE",
    left: MAPPED,
    code: "P0001",
    reason: /^trigger frozen \(frozen\(\)\) refuses it$/,
  },
  {
    what: "a trigger that judges the whole table after each statement",
    set: `CREATE FUNCTION public.few() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM public.deals WHERE id = 16 AND deal_type IS NULL) THEN RAISE EXCEPTION 'too many'; END IF; RETURN NULL; END $$;
      CREATE TRIGGER few AFTER UPDATE ON deals FOR EACH STATEMENT EXECUTE FUNCTION public.few()`,
    mend: "DROP FUNCTION public.few CASCADE",
    left: ["16"],
    code: "P0001",
    reason: /^trigger few \(few\(\)\) refuses it$/,
  },
];

describe("rows that the server refuses to take back", function () {
  this.timeout(120_000);
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  const spec = () => target.spec({}, { lockTimeoutMs: 5 });
  const forward = async () => {
    for (const step of STEPS) await target.apply(step, spec());
  };
  /** @returns the last of the undos, which says what is left. */
  const back = async (): Promise<UndoResult> => {
    const said = [];
    for (const step of STEPS.toReversed()) said.push(await target.undo(step, spec()));
    return said.at(-1) as UndoResult;
  };
  const rows = async () =>
    Object.fromEntries(
      (await target.admin.query("SELECT id::text, deal_type::text FROM deals")).rows.map((r) => [
        r.id,
        r.deal_type,
      ]),
    );
  const rolloutThere = async () =>
    (await target.admin.query("SELECT to_regnamespace('rollout') IS NOT NULL AS there")).rows[0].there;
  const keysOf = (left: LeftThing[] = []) =>
    left.flatMap(({ keys }) => keys).sort((a, b) => Number(a) - Number(b));

  for (const { what, set, mend, left, code, reason } of OBSTACLES) {
    it(`stay as they are and are named, while all others go back: ${what}`, async () => {
      target = await RolloutTarget.make({ rows: 16 });
      const before = await snapshotDatabase(target.admin);
      const originals = await rows();
      await forward();
      const migrated = await rows();
      await target.admin.query(set);
      const undone = await back();
      assert.deepEqual(keysOf(undone.left), left);
      for (const thing of undone.left ?? []) {
        assert.equal(thing.code, code);
        assert.match(thing.reason, reason);
        assert.doesNotMatch(JSON.stringify(thing), /secret|deal \d/);
      }
      const expected = { ...originals, ...Object.fromEntries(left.map((key) => [key, migrated[key]])) };
      assert.deepEqual(await rows(), expected);
      assert.equal(await rolloutThere(), true);
      await target.admin.query(mend);
      const again = await target.undo(expand, spec());
      assert.deepEqual(again.left, []);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
      assert.equal(await rolloutThere(), false);
    });
  }
});
