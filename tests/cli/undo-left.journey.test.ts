import { deepEqual, doesNotMatch, equal, match, ok, rejects } from "node:assert/strict";
import { buildParser } from "../../cli/parser.ts";
import { describeAll } from "../../cli/undo/left-line.ts";
import { undoLeft } from "../../cli/undo/undo-left.ts";
import { findLeft } from "../../cli/verify/verify-ledger.ts";
import { leftOf } from "../../ledger/left.ts";
import { takeLock } from "../../ledger/lock.ts";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { ClosingStage } from "./closing-fixture.ts";

/** What the application did after phase 1: rows 2 and 9 were old-style once, and violate it now. */
const CHECKED =
  "UPDATE deals SET budget = -1 WHERE id IN (2, 9); ALTER TABLE deals ADD CONSTRAINT positive CHECK (budget >= 0) NOT VALID";
const MENDED = "ALTER TABLE deals DROP CONSTRAINT positive; UPDATE deals SET budget = 0 WHERE id IN (2, 9)";

describe("rollout undo --left", function () {
  this.timeout(120_000);
  let stage: ClosingStage;
  let before: unknown;
  beforeEach(async () => {
    stage = await ClosingStage.make();
    before = await snapshotDatabase(stage.target.admin);
  });
  afterEach(() => stage.dispose());

  const query = (sql: string) => stage.target.admin.query(sql);
  const undo = (accept?: string) => undoLeft(stage.closing(), accept);
  const isThere = async () =>
    (await query("SELECT to_regnamespace('rollout') IS NOT NULL AS there")).rows[0].there;
  const thereAndBack = async (last = "database-migration") => {
    await stage.forward(last);
    await query(CHECKED);
    return stage.destroy();
  };
  const leftKeys = async () =>
    (await query("SELECT key FROM rollout.refused ORDER BY length(key), key")).rows.map(({ key }) => key);

  it("takes back what destroy left, once it is mended, and leaves nothing of the rollout", async () => {
    const said = await thereAndBack("validation");
    match(
      said.join("\n"),
      /2 LEFT as they are; tracker and journal stay for what is left, exported to journal-deals/,
    );
    match(
      stage.logged.join("\n"),
      /LEFT migration: 2 rows of deals\.deal_type \(2, 9\): CHECK positive refuses it \(SQLSTATE 23514\)\./,
    );
    equal(
      describeAll(stage.chain(), "test"),
      "LEFT: everything else is back, but 2 things are as before the undo, named above. Try again: npx rollout undo --left --stack test; " +
        'or leave it so, on record: npx rollout undo --left --accept "reason" --stack test',
    );
    const still = await undo();
    equal(still.left, 2);
    match(
      still.lines.join("\n"),
      /2 still left\. Mend what is named above\. Try again: npx rollout undo --left/,
    );
    await query(MENDED);
    const done = await undo();
    deepEqual([done.left, done.lines.at(-1)], [0, "nothing is left: all of it is back"]);
    deepEqual(await snapshotDatabase(stage.target.admin), before);
    deepEqual(leftOf(stage.chain().records), []);
    equal(stage.entries().get("database-migration/expand")?.state, "undone");
    deepEqual(await undo(), { lines: ["nothing is left of an undo on test"], left: 0 });
    deepEqual(await undo("reason"), { lines: ["nothing is left of an undo on test"], left: 0 });
  });

  it("says that nothing is left before, during and after an ordinary rollout", async () => {
    const nothing = { lines: ["nothing is left of an undo on test"], left: 0 };
    deepEqual(await undo(), nothing);
    await stage.forward("database-migration");
    deepEqual(await undo(), nothing);
    await stage.destroy();
    deepEqual(await undo(), nothing);
    deepEqual(await snapshotDatabase(stage.target.admin), before);
  });

  it("keeps what users wrote in between: assigned, deleted, under another key", async () => {
    await thereAndBack();
    await query(
      "UPDATE deals SET deal_type = 'divestiture', budget = 0 WHERE id = 2; UPDATE deals SET id = 900, budget = 0 WHERE id = 9",
    );
    await query("ALTER TABLE deals DROP CONSTRAINT positive");
    equal((await undo()).left, 0);
    const { rows } = await query("SELECT id::int, deal_type FROM deals WHERE id IN (2, 900) ORDER BY id");
    deepEqual(rows, [
      { id: 2, deal_type: "divestiture" },
      { id: 900, deal_type: "carve-out" },
    ]);
    equal(await isThere(), false);
  });

  it("forgets a row that a user has deleted since", async () => {
    await thereAndBack();
    await query("DELETE FROM deals WHERE id IN (2, 9)");
    equal((await undo()).left, 0);
    equal(await isThere(), false);
  });

  it("ends it on record with --accept: who, when, why, how many, which, and where all of it is", async () => {
    await thereAndBack();
    const done = await undo("rows of a closed year");
    match(
      done.lines.join("\n"),
      /^accepted on record: 2 left as they are \(rows of a closed year\); every one is named in artifacts\/\S+journal-deals\.jsonl\.gz$/m,
    );
    match(done.lines.join("\n"), /a new attempt may begin/);
    equal(await isThere(), false);
    const record = stage.chain().records.at(-1);
    ok(record?.record === "event" && record.event === "left-accepted");
    deepEqual(
      [record.reason, record.count, record.left.map(({ keys, code }) => [keys, code])],
      ["rows of a closed year", 2, [[["2", "9"], "23514"]]],
    );
    ok(record.by.user && record.at && record.journal.startsWith("artifacts/"));
    deepEqual(leftOf(stage.chain().records), []);
    equal(describeAll(stage.chain(), "test"), undefined);
    // A new attempt begins, and takes all of what it finds back.
    await query(MENDED);
    const again = await snapshotDatabase(stage.target.admin);
    await stage.forward("database-migration");
    await stage.destroy();
    deepEqual(await snapshotDatabase(stage.target.admin), again);
  });

  it("accepts once, also where it was killed after the record and before the drop", async () => {
    await thereAndBack();
    await query(
      "CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('DROP SCHEMA') EXECUTE FUNCTION public.no()",
    );
    await rejects(undo("once"), /no/);
    await query("DROP EVENT TRIGGER no");
    await undo("once");
    equal(stage.chain().records.filter((r) => r.record === "event" && r.event === "left-accepted").length, 1);
    equal(await isThere(), false);
  });

  it("goes on where it was killed: before, inside and after the drop", async () => {
    await thereAndBack();
    await query(MENDED);
    const chain = stage.chain();
    const expandEntry = stage.entries().get("database-migration/expand");
    const fields = { phase: "database-migration", step: "expand", kind: "expand", verb: "undo" } as const;
    const begin = { digest: "d".repeat(64), generation: 1, spec: expandEntry?.spec ?? {}, will: [] };
    chain.append({ record: "begin", ...fields, ...begin });
    equal(stage.entries().get("database-migration/expand")?.state, "half-done");
    equal((await undo()).left, 0);
    deepEqual(await snapshotDatabase(stage.target.admin), before);
    // The schema is gone, and the record of the end was never written.
    stage.chain().append({ record: "begin", ...fields, ...begin });
    equal((await undo()).left, 0);
    equal(stage.entries().get("database-migration/expand")?.state, "undone");
  });

  it("lets no new attempt begin: expand and migration refuse with the reason and both commands", async () => {
    await thereAndBack();
    const { blockers } = await expand.observe(stage.target.spec(), stage.target.deps());
    const wanted =
      /expected the undo of the rollout before to have left nothing of deals\.deal_type, got 2 left as they are: migration: 2 rows of deals\.deal_type \(2, 9\): CHECK positive refuses it \(SQLSTATE 23514\)\..*Try again: npx rollout undo --left --stack test; or leave it so, on record: npx rollout undo --left --accept "reason" --stack test\./;
    match(blockers.join("\n"), wanted);
    await rejects(stage.target.apply(expand, stage.target.spec()), wanted);
    await rejects(stage.target.apply(migration, stage.target.spec()), wanted);
    equal(await isThere(), true);
    deepEqual(await leftKeys(), ["2", "9"]);
  });

  it("is told by verify", async () => {
    await thereAndBack();
    const { change } = stage.target.spec();
    const config = { databaseUrl: stage.target.url, stack: "test", change };
    const lines = await findLeft(config, stage.chain());
    equal(lines.length, 1);
    match(lines[0] ?? "", /^LEFT migration: 2 rows of deals\.deal_type \(2, 9\): CHECK positive refuses it/);
    doesNotMatch(lines[0] ?? "", /deal 2|carve/);
    await query(MENDED);
    await undo();
    deepEqual(await findLeft(config, stage.chain()), []);
  });

  it("waits for the undo itself to end, and says how", async () => {
    await stage.forward("database-migration");
    await query(CHECKED);
    const undone = stage.plan.slice(2, 4).toReversed();
    for (const planned of undone) await stage.undo(planned);
    await rejects(
      undo(),
      /got 2 left of an undo that has not ended\. Let it end: npx rollout up --stack test at a lower phase, or npx rollout destroy --stack test\./,
    );
    await rejects(undo("why"), /has not ended/);
    await stage.undo(stage.plan[1] as (typeof stage.plan)[number]);
    equal((await undo()).left, 2);
  });

  it("works under the evidence's lock and the database's lease", async () => {
    await thereAndBack();
    const release = takeLock(stage.folder, "up");
    await rejects(undo(), /expected no other run on .*, got `up`/);
    release();
    const lease = await acquireLease(() => connect(stage.target.url), {
      holder: "another run",
      log: () => undefined,
    });
    for (const accept of [undefined, "why"])
      await rejects(undo(accept), /another run holds the lease: another run/);
    await lease.release();
    deepEqual(await leftKeys(), ["2", "9"]);
  });
});

describe("the words of rollout undo", () => {
  const run = async (...argv: string[]) => buildParser(["undo", ...argv]).parseAsync(["undo", ...argv]);

  it("are refused with what to type: without --left, without a reason, with words that it does not know", async () => {
    await rejects(
      run(),
      /undo: expected --left, got none\. What is left: npx rollout undo --left --stack sandbox/,
    );
    await rejects(run("--accept", "why"), /expected --left/);
    for (const reason of [["--accept"], ["--accept", ""], ["--accept", "  "]])
      await rejects(
        run("--left", ...reason),
        /undo: expected a reason for --accept, got none\. Say it: --accept "reason"/,
      );
    await rejects(run("--left", "--acept", "x"), /rollout undo: /);
  });
});
