import { deepEqual, doesNotMatch, equal, match, ok, rejects } from "node:assert/strict";
import pg from "pg";
import { snapshotDatabase, snapshotRows, snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { contract } from "../../steps/contract.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { contractSpec, migrate, TABLE_STEPS, undoAll } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

const WEEK = 7 * 86_400;
const OLD_WRITE = "INSERT INTO deals (name, deal_type) VALUES ('late', 'carve-out')";

describe("contract", function () {
  this.timeout(60_000);
  let target: RolloutTarget;
  beforeEach(async () => {
    target = await RolloutTarget.make();
  });
  afterEach(() => target.dispose());

  const observe = (options = {}) => contract.observe(contractSpec(target, options), target.deps());
  const normaliser = async () => {
    const { rows } = await target.admin.query(
      "SELECT tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = '~rollout_normalise'",
    );
    return rows;
  };
  /** Moves everything that the journal has seen into the past. */
  const age = (seconds: number) =>
    target.admin.query(
      `UPDATE rollout.event SET at = at - make_interval(secs => ${seconds});
       UPDATE rollout.change SET triggers_at = triggers_at - make_interval(secs => ${seconds}),
         backfilled_at = backfilled_at - make_interval(secs => ${seconds})`,
    );

  it("takes the normaliser off and leaves old-style writes to CHECK and NOT NULL, trial writes as proof", async () => {
    await migrate(target);
    const { trials, oldStyleWrites } = await target.apply(contract, contractSpec(target));
    deepEqual(await normaliser(), []);
    deepEqual(
      trials?.map(({ value, sqlState }) => [value, sqlState]),
      [
        [null, "23502"],
        ["carve-out", "23514"],
        ["Carve-Out ", "23514"],
        ["", "23514"],
        ["seller's", "23514"],
      ],
    );
    equal(oldStyleWrites?.total, 0);
    await rejects(target.admin.query(OLD_WRITE), { code: "23514" });
    await rejects(target.admin.query("INSERT INTO deals (name) VALUES ('none')"), { code: "23502" });
    await target.admin.query("INSERT INTO deals (name, deal_type) VALUES ('new', 'carveout')");
  });

  it("leaves nothing of its trial writes: no row, no sequence, no journal", async () => {
    await migrate(target);
    const rowsOf = async () => {
      const { "rollout.contract": _, "rollout.lease": __, ...rows } = await snapshotRows(target.admin);
      return rows;
    };
    const before = await rowsOf();
    await target.apply(contract, contractSpec(target));
    deepEqual(await rowsOf(), before);
  });

  it("waits for a week without an old-style write; preview and apply say the same: when, how many, by whom, time left", async () => {
    await migrate(target);
    await target.admin.query("SET SESSION AUTHORIZATION rollout_test_app");
    await target.admin.query(OLD_WRITE);
    await target.admin.query("UPDATE deals SET deal_type = NULL WHERE id IN (1, 2)");
    await target.admin.query("RESET SESSION AUTHORIZATION");
    await age(86_400);
    const spec = contractSpec(target, { quietSeconds: WEEK });
    const { blockers, plan } = await contract.observe(spec, target.deps());
    equal(blockers.length, 1);
    match(
      blockers[0] as string,
      /^expected no old-style write to deals.deal_type for 7 days \(contract.quietSeconds\), got 24 h( \d+ s)?: last old-style write \S+Z \(NULL by role rollout_test_app\), 3 old-style writes since the normaliser stands; (6 days|5 days 23 h) left\. Within that time: 2 × NULL by role rollout_test_app, 1 × "carve-out" by role rollout_test_app\. Correct the code/,
    );
    match(plan[0] as string, /^last old-style write/);
    const [said = ""] = (blockers[0] as string).split(", got");
    await rejects(target.apply(contract, spec), (error: Error) => {
      ok(error.message.startsWith(`contract: nothing was changed.\n  - ${said}`), error.message);
      return true;
    });
    equal((await normaliser()).length, 1);
    await age(6 * 86_400);
    deepEqual((await contract.observe(spec, target.deps())).blockers, []);
    const { oldStyleWrites } = await target.apply(contract, spec);
    deepEqual([oldStyleWrites?.total, oldStyleWrites?.last?.writer], [3, "rollout_test_app"]);
  });

  it("counts the quiet time only while it was watched: from the migration on, and from a repair of the triggers on", async () => {
    await migrate(target);
    const quiet = async () => (await observe({ quietSeconds: WEEK })).blockers.join();
    match(await quiet(), /got \d(\.\d)? s/);
    match(
      await quiet(),
      /no old-style write since \S+Z; (7 days|6 days 23 h) left. Wait 7 days, then run again\.$/,
    );
    await age(WEEK + 1);
    equal(await quiet(), "");
    await target.admin.query(`DROP TRIGGER "~rollout_normalise" ON deals`);
    await target.apply(expand, contractSpec(target));
    match(await quiet(), /(7 days|6 days 23 h) left/);
  });

  it("sees a write that was still under way when it looked", async () => {
    await migrate(target);
    await age(WEEK);
    const late = new pg.Client({ connectionString: target.url });
    await late.connect();
    await late.query(`BEGIN; ${OLD_WRITE}`);
    const spec = contractSpec(target, { quietSeconds: 3600 });
    deepEqual((await contract.observe(spec, target.deps())).blockers, []);
    const applied = rejects(target.apply(contract, spec), /expected no old-style write .*"carve-out"/);
    while (!target.logged.some((line) => /waiting for ACCESS EXCLUSIVE/.test(line)))
      await new Promise((done) => setTimeout(done, 10));
    await late.query("COMMIT");
    await applied;
    await late.end();
    equal((await normaliser()).length, 1);
  });

  it("refuses without the constraint that takes its place, and stays when a trial write is accepted", async () => {
    await migrate(target);
    await target.admin.query("ALTER TABLE deals ALTER deal_type DROP NOT NULL");
    match(
      (await observe()).blockers.join(),
      /expected CHECK valid_deal_type and NOT NULL on deals.deal_type/,
    );
    await rejects(target.apply(contract, contractSpec(target)), /nothing was changed.*\n.*NOT NULL/);
    await target.apply(constraint, contractSpec(target));
    // A trigger of the application that maps one spelling by itself: the constraint never sees it.
    await target.admin.query(`
      CREATE FUNCTION helpful() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.deal_type = 'carve-out' THEN NEW.deal_type := 'carveout'; END IF; RETURN NEW; END$$;
      CREATE TRIGGER helpful BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION helpful()`);
    await rejects(
      target.apply(contract, contractSpec(target)),
      /expected old-style writes .* to be refused .*, got: deals.deal_type accepted "carve-out" .*The normaliser stays/,
    );
    equal((await normaliser()).length, 1);
  });

  it("puts the normaliser back exactly as expand made it: definition, ENABLE ALWAYS, function, owner, rights", async () => {
    await migrate(target);
    const schema = await snapshotSchema(target.admin);
    const trigger = await normaliser();
    await target.apply(contract, contractSpec(target));
    await target.undo(contract, contractSpec(target));
    deepEqual(await snapshotSchema(target.admin), schema);
    deepEqual(await normaliser(), trigger);
    await target.admin.query(OLD_WRITE);
    equal((await target.values()).late, "carveout");
  });

  it("puts it back also where somebody removed its function or made a trigger of that name", async () => {
    await migrate(target);
    const schema = await snapshotSchema(target.admin);
    for (const sql of [
      "DROP FUNCTION rollout.normalise()",
      `CREATE TRIGGER "~rollout_normalise" AFTER INSERT ON deals FOR EACH ROW EXECUTE FUNCTION rollout.normalise()`,
    ]) {
      await target.apply(contract, contractSpec(target));
      await target.admin.query(sql);
      await target.undo(contract, contractSpec(target));
      deepEqual(await snapshotSchema(target.admin), schema, sql);
    }
  });

  it("is undone with all before it so that nobody can tell it happened, twice in a row", async () => {
    const before = await snapshotDatabase(target.admin);
    for (const _ of [1, 2]) {
      await migrate(target);
      await target.apply(contract, contractSpec(target));
      await undoAll(target);
      deepEqual(await snapshotDatabase(target.admin), before);
    }
  });

  it("goes there and back in the same way after a migration with the writers stopped", async () => {
    const before = await snapshotDatabase(target.admin);
    const spec = contractSpec(target, { strategy: "maintenance" });
    await migrate(target, spec);
    match(
      (await contract.observe({ ...spec, quietSeconds: WEEK }, target.deps())).blockers.join(),
      /days.* left/,
    );
    await target.apply(contract, spec);
    const old = "UPDATE deals SET deal_type = 'carve-out' WHERE id = 1";
    await rejects(target.admin.query(old), { code: "23514" });
    for (const step of TABLE_STEPS) deepEqual((await step.observe(spec, target.deps())).drift, [], step.name);
    await undoAll(target, spec);
    deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("changes nothing when it is applied or undone twice", async () => {
    await migrate(target);
    const { since } = await target.apply(contract, contractSpec(target));
    equal((await target.apply(contract, contractSpec(target))).since, since);
    match((await target.undo(contract, contractSpec(target))).summary, /^put the normaliser back/);
    match((await target.undo(contract, contractSpec(target))).summary, /^nothing to put back/);
  });

  it("owns the normaliser: no earlier step misses it, none puts it back with what it repairs", async () => {
    await migrate(target);
    const spec = contractSpec(target);
    await target.apply(contract, spec);
    for (const step of TABLE_STEPS) deepEqual((await step.observe(spec, target.deps())).drift, [], step.name);
    const schema = await snapshotSchema(target.admin);
    await target.admin.query(
      `DROP TRIGGER "~rollout_3_assign" ON deals; DROP TRIGGER "~rollout_4_delete" ON deals`,
    );
    equal((await expand.observe(spec, target.deps())).drift.length, 2);
    await target.apply(expand, spec);
    deepEqual(await snapshotSchema(target.admin), schema);
    await target.admin.query(`ALTER TABLE deals DISABLE TRIGGER "~rollout_4_delete"`);
    await target.apply(migration, spec);
    deepEqual(await snapshotSchema(target.admin), schema);
    await undoAll(target);
  });

  it("shows a normaliser that somebody put back as its own drift, and takes it off again", async () => {
    await migrate(target);
    await target.apply(contract, contractSpec(target));
    await target.admin.query(
      `CREATE TRIGGER "~rollout_normalise" BEFORE INSERT ON deals FOR EACH ROW EXECUTE FUNCTION rollout.normalise()`,
    );
    deepEqual((await observe()).drift, [
      { expected: "the normaliser off deals", observed: "it was put back by hand" },
    ]);
    await target.apply(contract, contractSpec(target));
    deepEqual((await observe()).drift, []);
    deepEqual(await normaliser(), []);
  });

  it("leaves another stack's rollout alone", async () => {
    await migrate(target);
    const identity = { ...target.spec().identity, stack: "other" };
    const spec = { ...contractSpec(target), identity };
    match((await contract.observe(spec, target.deps())).blockers.join(), /which is left alone/);
    await rejects(target.apply(contract, spec), /expected no other rollout in this database/);
    match((await target.undo(contract, spec)).summary, /left alone/);
    equal((await normaliser()).length, 1);
  });

  it("goes on an empty table, where no write can be tried, and says so", async () => {
    await target.admin.query("TRUNCATE deals CASCADE");
    await migrate(target);
    equal((await target.apply(contract, contractSpec(target))).trials, null);
    ok(target.logged.some((line) => /is empty, so no old-style write was tried/.test(line)));
    await rejects(target.admin.query(OLD_WRITE), { code: "23514" });
  });

  it("says in preview what it would do, and names no row's content", async () => {
    await migrate(target);
    const { plan, undo } = await observe();
    match(plan.join("\n"), /DROP TRIGGER normaliser on deals: ACCESS EXCLUSIVE/);
    match(undo.join(), /^puts the normaliser back on deals first/);
    doesNotMatch(plan.join(), /deal 1/);
  });
});
