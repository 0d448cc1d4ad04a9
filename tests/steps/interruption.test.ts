import assert from "node:assert/strict";
import { connect } from "../../postgres/connect.ts";
import { acquireLease, LeaseLost } from "../../postgres/lease.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

describe("a backfill that is interrupted", () => {
  let target: RolloutTarget;
  let start: unknown;
  beforeEach(async () => {
    target = await RolloutTarget.make({ rows: 1000 });
    start = await snapshotDatabase(target.admin);
  });
  afterEach(() => target.dispose());

  /** Connections of which one calls `then` after that many commits. */
  const connectUntil = (commits: number, then: () => Promise<void>) => async () => {
    const client = await connect(target.url);
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    client.query = (async (...args: unknown[]) => {
      const result = await query(...args);
      if (args[0] === "COMMIT") {
        commits -= 1;
        if (commits === 0) await then();
      }
      return result;
    }) as typeof client.query;
    return client;
  };
  const leftToDo = async () => {
    const { rows } = await target.admin.query(
      "SELECT count(*)::int AS n FROM deals WHERE deal_type IS NULL OR deal_type NOT IN ('acquisition', 'carveout', 'divestiture')",
    );
    return rows[0].n as number;
  };

  it("ends after the batch in hand when it is cancelled, keeps what it did, and goes on from there", async () => {
    await target.apply(expand, target.spec());
    const abort = new AbortController();
    const stop = async () => abort.abort(new Error("cancelled by SIGINT"));
    const deps = target.deps({ signal: abort.signal, connect: connectUntil(90, stop) });
    await assert.rejects(target.apply(migration, target.spec(), deps), /cancelled by SIGINT/);
    const left = await leftToDo();
    assert.ok(left > 0 && left < 625, `${left} rows left`);
    assert.equal(target.logged.at(-1), `${625 - left} of about 625 rows changed`);
    const { rows } = await target.admin.query("SELECT cursor FROM rollout.change");
    assert.ok(Number(rows[0].cursor) > 0, "a checkpoint is kept");
    const { undo } = await migration.observe(target.spec(), target.deps());
    assert.match(undo[0] ?? "", new RegExp(`^restores ${625 - left} rows from the journal as it is now`));
    const { changedRows } = await target.apply(migration, target.spec());
    assert.deepEqual([changedRows, await leftToDo()], [625, 0]);
  });

  it("says how far the way back came when that is cancelled, and ends with everything as it was", async () => {
    await target.apply(expand, target.spec());
    await target.apply(migration, target.spec());
    const abort = new AbortController();
    const stop = async () => abort.abort(new Error("cancelled by SIGINT"));
    const deps = target.deps({ signal: abort.signal, connect: connectUntil(40, stop) });
    await assert.rejects(target.undo(migration, target.spec(), deps), /cancelled by SIGINT/);
    assert.match(target.logged.at(-1) ?? "", /^\d+ of \d+ batches restored$/);
    const left = await leftToDo();
    assert.ok(left > 0 && left < 625, `${left} rows were given back`);
    await target.undo(migration, target.spec());
    await target.undo(expand, target.spec());
    assert.deepEqual(await snapshotDatabase(target.admin), start);
  });

  it("changes nothing more once another run has taken the lease", async () => {
    await target.apply(expand, target.spec());
    let left = -1;
    const takeOver = async () => {
      await target.admin.query("UPDATE rollout.lease SET heartbeat_at = heartbeat_at - interval '1 min'");
      const other = await acquireLease(() => connect(target.url), { holder: "other", log: () => undefined });
      left = await leftToDo();
      assert.ok(left > 0);
      await other.release();
    };
    const orphan = target.apply(
      migration,
      target.spec(),
      target.deps({ connect: connectUntil(20, takeOver) }),
    );
    await assert.rejects(orphan, LeaseLost);
    assert.equal(await leftToDo(), left);
  });

  it("maps a row whose key a user moves past the point that it has reached, and gives it back under its new key", async () => {
    await target.apply(expand, target.spec());
    // They were not reached yet, and go to where the walk has been.
    const move = async () => {
      const { rows } = await target.admin.query(
        "UPDATE deals SET id = -id WHERE id >= 990 RETURNING deal_type",
      );
      assert.ok(rows.some(({ deal_type: value }) => value === null));
    };
    const { after } = await target.apply(
      migration,
      target.spec(),
      target.deps({ connect: connectUntil(20, move) }),
    );
    assert.deepEqual([after.invalid, await leftToDo()], [0, 0]);
    await target.undo(migration, target.spec());
    await target.undo(expand, target.spec());
    await target.admin.query("UPDATE deals SET id = -id WHERE id < 0");
    assert.deepEqual(await snapshotDatabase(target.admin), start);
  });

  it("is refused while another run holds the lease", async () => {
    const held = await acquireLease(() => connect(target.url), { holder: "stack a", log: () => undefined });
    await assert.rejects(target.apply(expand, target.spec()), /another run holds the lease: stack a/);
    await held.release();
  });
});

describe("the migration of tables with other keys", () => {
  const keys: [string, string, string][] = [
    ["uuid", "uuid", "md5(n::text)::uuid"],
    ["text with odd characters", "text", "'k' || n || '\"'' ü%\\,{}'"],
    ["small integers", "smallint", "n"],
    ["negative numbers", "integer", "50 - n"],
  ];
  for (const [what, type, value] of keys) {
    it(`is exact for ${what}`, async () => {
      const ddl = `CREATE TABLE odd (id ${type} PRIMARY KEY, deal_type text);
        INSERT INTO odd SELECT ${value}, (ARRAY[NULL, 'carve-out', 'divestiture'])[n % 3 + 1] FROM generate_series(1, 100) n`;
      const target = await RolloutTarget.make({ ddl });
      const before = await snapshotDatabase(target.admin);
      const spec = target.spec({ change: { ...CHANGE, table: "odd" } });
      for (const step of STEPS) await target.apply(step, spec);
      const { rows } = await target.admin.query("SELECT DISTINCT deal_type FROM odd ORDER BY 1");
      assert.deepEqual(
        rows.map((row) => row.deal_type),
        ["acquisition", "carveout", "divestiture"],
      );
      await target.admin.query("UPDATE odd SET deal_type = deal_type, id = id");
      for (const step of STEPS.toReversed())
        await target.undo(step, target.spec({ change: spec.change }, { reaffirmed: "restore" }));
      assert.deepEqual(await snapshotDatabase(target.admin), before);
      await target.dispose();
    });
  }
});

describe("what preview shows of phase 1", () => {
  it("says rows, statements, locks and the way back in a few lines", async () => {
    const target = await RolloutTarget.make({ rows: 80 });
    const lines: string[] = [];
    for (const step of STEPS) {
      const { plan, undo, estimateSeconds } = await step.observe(target.spec(), target.deps());
      lines.push(...plan, `(${estimateSeconds} s)`, ...undo);
    }
    if (process.env.ROLLOUT_TEST_SHOW) console.log(lines.join("\n"));
    for (const expected of [
      /10 NULL → acquisition/,
      /SHARE ROW EXCLUSIVE/,
      /ACCESS EXCLUSIVE/,
      /restores 50 rows/,
      /drops CHECK/,
    ]) {
      assert.match(lines.join("\n"), expected);
    }
    for (const line of lines) assert.ok(line.length < 250, line);
    await target.dispose();
  });
});
