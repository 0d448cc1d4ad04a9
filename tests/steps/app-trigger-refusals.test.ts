import assert from "node:assert/strict";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { AUDIT, TOUCH, trigger } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];
type Mode = ChangeStepSpec["migration"]["appTriggers"];

describe("triggers of the application that stand in the way", () => {
  let target: RolloutTarget;
  const make = async (ddl: string) => {
    target = await RolloutTarget.make({ rows: 40, ddl });
    return snapshotDatabase(target.admin);
  };
  afterEach(() => target.dispose());

  const specOf = (appTriggers: Mode) => target.spec({}, { appTriggers });
  const blockersOf = async (mode: Mode) =>
    (await expand.observe(specOf(mode), target.deps())).blockers.join("\n");
  const undoAll = async (mode: Mode) => {
    const kept = [];
    for (const step of STEPS.toReversed()) kept.push(...(await target.undo(step, specOf(mode))).kept);
    return kept;
  };

  const refused: [string, Mode, string, RegExp][] = [
    [
      "bypass one that is ENABLE ALWAYS",
      "bypass",
      `${TOUCH} ALTER TABLE deals ENABLE ALWAYS TRIGGER touch`,
      /to be bypassable \(migration\.appTriggers: bypass\), got ENABLE ALWAYS or REPLICA for touch \(touch\(\)\)\. ALTER TABLE … ENABLE TRIGGER/,
    ],
    [
      "bypass where the column is in a foreign key",
      "bypass",
      "CREATE TABLE kinds (k varchar(50) PRIMARY KEY); ALTER TABLE deals ADD FOREIGN KEY (deal_type) REFERENCES kinds NOT VALID",
      /deals\.deal_type in no foreign key/,
    ],
    [
      "fire where the server does not count what is written",
      "fire",
      "SET track_counts = off; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_counts = off', current_database()); END $$",
      /expected track_counts on \(migration\.appTriggers: fire\).*got off\. Turn it on/,
    ],
    [
      "fire where everybody may put a function in their way",
      "fire",
      "GRANT CREATE ON SCHEMA public TO PUBLIC",
      /in schema public .*got a right for all\. REVOKE CREATE ON SCHEMA public FROM PUBLIC\./,
    ],
    [
      "fire one that comes before ours",
      "fire",
      trigger("NEW.budget := 1;", { name: '"!a"' }),
      /to fire between our own, got !a \(!a\(\)\)\. Rename it/,
    ],
    [
      "one that assigns the column, wherever it does",
      "bypass",
      trigger("SELECT 1,\n 'x' INTO NEW.budget, NEW.deal_type;", { when: "BEFORE INSERT" }),
      /no BEFORE trigger that assigns deals\.deal_type, got touch \(touch\(\), line 1: NEW\.deal_type\)\. Let it leave/,
    ],
    [
      "one that may assign the column",
      "fire",
      trigger("NEW := jsonb_populate_record(NEW, to_jsonb(TG_ARGV));"),
      /that may assign deals\.deal_type, got touch \(touch\(\), line 1: all of NEW\)\. .*take the risk: migration\.accept: \["touch"\]\./,
    ],
    [
      "one in a language that is not read",
      "bypass",
      `CREATE FUNCTION public.odd() RETURNS trigger LANGUAGE internal AS 'RI_FKey_check_ins';
       CREATE TRIGGER odd BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION public.odd()`,
      /got odd \(odd\(\), not read: it is written in internal\).*migration\.accept: \["odd"\]/,
    ],
    [
      "a shipped one that is told to write the column",
      "bypass",
      `CREATE EXTENSION insert_username;
       CREATE TRIGGER who BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION insert_username(deal_type)`,
      /that assigns deals\.deal_type, got who \(insert_username\(\), NEW\.deal_type\)/,
    ],
  ];
  for (const [what, mode, ddl, expected] of refused) {
    it(`are refused before any change: ${what}`, async () => {
      const before = await make(ddl);
      assert.match(await blockersOf(mode), expected);
      await assert.rejects(target.apply(expand, specOf(mode)), expected);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("are none, when they only compare the column or speak of it, and one whose risk is taken stays in the plan", async () => {
    await make(`
      ${trigger("IF NEW.deal_type = 'x' THEN NULL; END IF; -- NEW.deal_type := 'x'\n", { name: "compares" })}
      ${trigger("IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;", { name: "every", when: "BEFORE INSERT OR UPDATE OR DELETE" })}
      CREATE EXTENSION moddatetime;
      CREATE TRIGGER stamp BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION moddatetime(updated_at);
      ${trigger("NEW := jsonb_populate_record(NEW, to_jsonb(NEW));", { name: "whole" })}`);
    const spec = target.spec({}, { appTriggers: "bypass", accept: ["whole"] });
    const { blockers, plan } = await expand.observe(spec, target.deps());
    assert.deepEqual(blockers, []);
    assert.match(
      plan.join("\n"),
      /note: accepted \(migration\.accept\): expected no BEFORE trigger that may assign deals\.deal_type, got whole/,
    );
  });

  const strays: [string, string, RegExp][] = [
    ["to another table", AUDIT, /got public\.audit \(25 rows\) written as well/],
    [
      "to another row of its table",
      trigger("UPDATE deals SET budget = 1 WHERE id = NEW.id + 1 AND pg_trigger_depth() = 1;", {
        when: "AFTER UPDATE",
      }),
      /got public\.deals \(\d+ rows\) written as well/,
    ],
    [
      "the row's key",
      trigger("NEW.id := NEW.id + 1000;"),
      /got the key of a row, public\.notes \(\d+ rows\) written as well/,
    ],
  ];
  for (const [what, ddl, expected] of strays) {
    it(`are refused by a trial that leaves nothing, when they write ${what}`, async () => {
      const before = await make(ddl);
      await assert.rejects(target.apply(expand, specOf("fire")), expected);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("take back the batch in which they begin to write elsewhere", async () => {
    const before = await make("CREATE TABLE audit (id bigint)");
    await target.apply(expand, specOf("fire"));
    await target.admin.query(trigger("INSERT INTO audit SELECT NEW.id WHERE NEW.id > 20;", { name: "late" }));
    await assert.rejects(
      target.apply(migration, specOf("fire")),
      /expected the triggers of deals to change no more than the row that fires them \(migration\.appTriggers: fire\), got public\.audit \(\d+ rows?\) written as well\. All of it was taken back\. Set it to bypass/,
    );
    assert.equal((await target.admin.query("SELECT FROM audit")).rowCount, 0);
    await target.admin.query("DROP FUNCTION public.late CASCADE");
    assert.deepEqual(await undoAll("fire"), []);
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("are no obstacle to the way back, though they came in the middle; what they write elsewhere is named", async () => {
    const before = await make("CREATE TABLE audit (id bigint)");
    for (const step of STEPS) await target.apply(step, specOf("refuse"));
    await target.admin.query(trigger("NEW.updated_at := clock_timestamp();"));
    await target.admin.query(trigger("INSERT INTO audit VALUES (NEW.id);", { name: "log_it" }));
    const kept = await undoAll("refuse");
    assert.ok(kept.length > 0);
    for (const { subject, reason } of kept) {
      assert.match(subject, /^table public\.audit \(\d+ rows?\)$/);
      assert.match(reason, /written by triggers or rules of the table that the restore fired: stays/);
    }
    await target.admin.query(
      "DROP FUNCTION public.touch CASCADE; DROP FUNCTION public.log_it CASCADE; TRUNCATE audit",
    );
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("leave a column to the user who wrote it since, and the undo names it", async () => {
    await make(TOUCH);
    await target.apply(expand, specOf("fire"));
    await target.apply(migration, specOf("fire"));
    await target.admin.query("UPDATE deals SET budget = 5 WHERE id = 1");
    const kept = await undoAll("fire");
    assert.deepEqual(
      [...new Set(kept.map(({ subject, reason }) => `${subject}: ${reason}`))].sort(),
      ["updated_at", "version"].map(
        (name) => `row 1, originally "carve-out": column ${name} written since: kept`,
      ),
    );
    const { rows } = await target.admin.query(
      "SELECT deal_type, budget, updated_at > '2026-06-01' AS late, odd::text FROM deals WHERE id = 1",
    );
    // The user's own update has set `odd` to NULL as well: what stands there is the trigger's, and its original comes back.
    assert.deepEqual(rows, [{ deal_type: "carve-out", budget: "5.00", late: true, odd: "[0:1]={1,NULL}" }]);
  });

  it("are told in the plan", async () => {
    await make(TOUCH);
    const notes = async (mode: Mode) => (await expand.observe(specOf(mode), target.deps())).plan.join("\n");
    assert.match(await notes("bypass"), /note: triggers not fired by our updates.*touch \(touch\(\)\)/);
    assert.match(
      await notes("fire"),
      /note: triggers fired by every row that we change: touch \(touch\(\)\)/,
    );
  });
});
