import assert from "node:assert/strict";
import fc from "fast-check";
import pg from "pg";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import type { ContractSpec } from "../../steps/contract.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { contractSpec, TABLE_STEPS } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { anyWrite, readDifferences, singleWrite, TWIN, type Write, writeBoth } from "./twin-writes.ts";

/** Everything that happens to the table in a rollout and its undo, in order. */
const JOURNEY: ["apply" | "undo", Step<ContractSpec>][] = [
  ...TABLE_STEPS.map((step): ["apply", Step<ContractSpec>] => ["apply", step]),
  ...TABLE_STEPS.toReversed().map((step): ["undo", Step<ContractSpec>] => ["undo", step]),
];

/** Number of the step in the journey before which old-style writes are refused: contract is done and not undone yet. */
const CONTRACTED = TABLE_STEPS.length;

/** By the constraint, without the normaliser. */
const isRefusal = (failure: unknown) =>
  ["23514", "23502"].includes((failure as { code?: string })?.code ?? "");

describe("the undo beside the writes of users", function () {
  this.timeout(120_000);
  const targets: RolloutTarget[] = [];
  const makeTarget = async (rows: number) => {
    const target = await RolloutTarget.make({ rows, ddl: TWIN });
    targets.push(target);
    return target;
  };
  afterEach(() => Promise.all(targets.splice(0).map((target) => target.dispose())));

  it("gives the table that the same writes make without any rollout, for random writes between all steps", async () => {
    const writes = fc.array(anyWrite, { maxLength: 12 });
    const between = fc.array(writes, { minLength: JOURNEY.length, maxLength: JOURNEY.length });
    await fc.assert(
      fc.asyncProperty(between, async (groups) => {
        const target = await makeTarget(30);
        const schema = await snapshotSchema(target.admin);
        for (const [index, [verb, step]] of JOURNEY.entries()) {
          for (const write of groups[index] as Write[]) {
            const failure = await writeBoth(target.admin, write);
            // A name that is taken is refused with and without a rollout.
            const refused = index === CONTRACTED && isRefusal(failure);
            if (!refused && (failure as { code?: string })?.code !== "23505")
              assert.equal(failure, undefined, write.kind);
          }
          await target[verb](step, contractSpec(target));
        }
        assert.deepEqual(await readDifferences(target.admin), []);
        assert.deepEqual(await snapshotSchema(target.admin), schema);
        await target.dispose();
      }),
      { numRuns: Number(process.env.ROLLOUT_TEST_RUNS ?? 12), endOnFailure: true },
    );
  });

  it("gives the table that the same writes make without any rollout, while users write all the time", async () => {
    const target = await makeTarget(30);
    const schema = await snapshotSchema(target.admin);
    let stop = false;
    let written = 0;
    let contracted = false;
    const failures: unknown[] = [];
    const writer = async (seed: number) => {
      const client = new pg.Client({ connectionString: target.url });
      await client.connect();
      for (let n = 0; !stop; n += 1) {
        const [write] = fc.sample(singleWrite, { numRuns: 1, seed: seed * 1_000_000 + n });
        const begun = contracted;
        const failure = await writeBoth(client, write as Write, { alone: true });
        if (failure && !((begun || contracted) && isRefusal(failure))) failures.push(failure);
        else written += 1;
      }
      await client.end();
    };
    const writers = [1, 2, 3].map(writer);
    for (let round = 0; round < 3; round += 1) {
      for (const [verb, step] of JOURNEY) {
        const goal = written + 30;
        while (written < goal && failures.length === 0) await new Promise((done) => setTimeout(done, 5));
        if (step.name === "contract") contracted = true;
        await target[verb](step, contractSpec(target));
        if (step.name === "contract" && verb === "undo") contracted = false;
      }
    }
    stop = true;
    await Promise.all(writers);
    assert.deepEqual(failures, []);
    assert.deepEqual(await readDifferences(target.admin), []);
    assert.deepEqual(await snapshotSchema(target.admin), schema);
  });

  it("restores old-style values that came in by COPY, by replication and before any backfill", async () => {
    const target = await makeTarget(10);
    await target.apply(expand, target.spec());
    const both = async (sql: string) => {
      for (const table of ["deals", "twin"]) await target.admin.query(sql.replaceAll("%T", table));
    };
    await both(
      "SET session_replication_role = replica; INSERT INTO %T (id, name) VALUES (101, 'replicated'); RESET session_replication_role",
    );
    await both(
      "INSERT INTO %T (id, name, deal_type) VALUES (102, 'a', ''), (103, 'b', 'carveout'), (104, 'c', NULL)",
    );
    await both("COPY %T (id, name, deal_type) FROM PROGRAM 'printf \"105\\tcopied\\tcarve-out\\n\"'");
    assert.equal((await target.values()).copied, "carveout");
    assert.equal((await target.values()).replicated, "acquisition");
    await target.undo(expand, target.spec());
    assert.deepEqual(await readDifferences(target.admin), []);
  });

  it("follows two users at one key in the order in which they came through", async () => {
    const target = await makeTarget(10);
    const other = new pg.Client({ connectionString: target.url });
    await other.connect();
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    await target.admin.query("BEGIN; DELETE FROM deals WHERE id = 1");
    const insert = other.query("INSERT INTO deals (id, name, deal_type) VALUES (1, 'again', 'Carve-Out ')");
    const update =
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while ((await target.admin.query(update)).rowCount === 0)
      await new Promise((done) => setTimeout(done, 5));
    await target.admin.query("COMMIT");
    await insert;
    await other.query("BEGIN; UPDATE deals SET deal_type = 'divestiture' WHERE id = 2");
    const later = target.admin.query("UPDATE deals SET deal_type = '' WHERE id = 2");
    while ((await other.query(update)).rowCount === 0) await new Promise((done) => setTimeout(done, 5));
    await other.query("COMMIT");
    await later;
    await other.end();
    await target.undo(migration, target.spec());
    const values = await target.values();
    assert.deepEqual([values.again, values["deal 2"]], ["Carve-Out ", ""]);
  });

  it("skips what was truncated and restores what came after", async () => {
    const target = await makeTarget(20);
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    for (const table of ["deals CASCADE", "twin"]) await target.admin.query(`TRUNCATE ${table}`);
    for (const table of ["deals", "twin"]) {
      await target.admin.query(
        `INSERT INTO ${table} (id, name, deal_type) VALUES (1, 'x', 'carve-out'), (2, 'y', 'carveout')`,
      );
    }
    const { keptByReason } = await target.undo(migration, target.spec());
    assert.deepEqual(keptByReason, { truncated: 14 });
    assert.deepEqual(await readDifferences(target.admin), []);
  });

  it("names each row that it leaves alone, with the reason", async () => {
    const target = await makeTarget(16);
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    // Rows 1, 2, 3, 4 and 8 were carve-out, Carve-Out, empty, seller's and NULL.
    await target.admin.query("UPDATE deals SET deal_type = 'divestiture' WHERE id = 1");
    await target.admin.query("UPDATE deals SET deal_type = deal_type WHERE id = 2");
    await target.admin.query("DELETE FROM deals WHERE id = 4");
    await target.admin.query("UPDATE deals SET id = 1000 WHERE id = 8");
    const undone = await target.undo(migration, target.spec());
    assert.deepEqual(undone.kept, [
      { subject: 'row 1, originally "carve-out"', reason: "assigned another value since: kept" },
      { subject: 'row 2, originally "Carve-Out "', reason: "assigned the same value again since: kept" },
      { subject: 'row 4, originally "seller\'s"', reason: "deleted since: nothing to restore" },
    ]);
    const values = await target.values();
    assert.deepEqual(
      [values["deal 1"], values["deal 2"], values["deal 8"]],
      ["divestiture", "carveout", null],
    );
  });

  it("restores a reaffirmed value too when it is told to", async () => {
    const target = await makeTarget(16);
    const spec = target.spec({}, { reaffirmed: "restore" });
    await target.apply(expand, spec);
    await target.apply(migration, spec);
    await target.admin.query("UPDATE deals SET deal_type = deal_type");
    await target.admin.query("UPDATE deals SET deal_type = 'divestiture' WHERE id = 1");
    const { keptByReason } = await target.undo(migration, spec);
    assert.deepEqual(keptByReason, { assigned: 1 });
    const differing = await readDifferences(target.admin);
    assert.equal(differing.length, 1, differing.join("\n"));
  });
});
