import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import type { EvidenceRecord } from "../../ledger/record.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { RolloutTarget } from "./rollout-target.ts";

describe("the migration of a quiet database", () => {
  let target: RolloutTarget;
  const applyAll = async (spec = target.spec()) => {
    await target.apply(expand, spec);
    const migrated = await target.apply(migration, spec);
    await target.apply(constraint, spec);
    return migrated;
  };
  const undoAll = async (spec = target.spec()) => {
    await target.undo(constraint, spec);
    const restored = await target.undo(migration, spec);
    await target.undo(expand, spec);
    return restored;
  };

  beforeEach(async () => {
    target = await RolloutTarget.make({ rows: 100 });
  });
  afterEach(() => target.dispose());

  it("maps every value and then refuses any other", async () => {
    const result = await applyAll();
    assert.equal(result.changedRows, 64);
    assert.deepEqual(result.after, {
      total: 100,
      null: 0,
      invalid: 0,
      unmapped: 0,
      byType: { acquisition: 37, carveout: 38, divestiture: 25 },
    });
    await assert.rejects(target.admin.query("INSERT INTO deals (name, deal_type) VALUES ('x', 'other')"), {
      code: "23514",
    });
    await target.admin.query("INSERT INTO deals (name) VALUES ('old-style')");
    assert.equal((await target.values())["old-style"], "acquisition");
    const { rows } = await target.admin.query("SELECT version_num FROM alembic_version");
    assert.deepEqual(rows, [{ version_num: "004" }]);
  });

  it("is undone so exactly that nobody can tell it happened", async () => {
    const before = await snapshotDatabase(target.admin);
    await applyAll();
    const restored = await undoAll();
    assert.deepEqual(await snapshotDatabase(target.admin), before);
    assert.equal(restored.restored, 64);
    assert.deepEqual(restored.kept, []);
  });

  it("goes forward, back, forward and back again", async () => {
    const before = await snapshotDatabase(target.admin);
    for (const _ of [1, 2]) {
      await applyAll();
      await target.undo(constraint, target.spec());
      await target.undo(migration, target.spec());
      await target.apply(migration, target.spec());
      await target.apply(constraint, target.spec());
      await undoAll();
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    }
  });

  it("counts rows among what expand's undo gives back only where the migration's has not done so before", async () => {
    await applyAll();
    const undoAfter = async (records: EvidenceRecord[]) =>
      (await expand.observe(target.spec(), { ...target.deps(), evidence: evidenceOf(records) })).undo.join();
    assert.match(await undoAfter([]), /; 64 rows not yet restored come first/);
    const { phase } = target.spec().identity;
    const fields = { phase, step: "migration", kind: "migration", verb: "apply" } as const;
    const chain = Chain.open(temporaryFolder("migrated"));
    chain.append({ record: "begin", ...fields, digest: "d", generation: 1, spec: {}, will: [] });
    assert.doesNotMatch(await undoAfter([...chain.records]), /not yet restored/);
  });

  it("changes nothing when it is applied or undone twice", async () => {
    const before = await snapshotDatabase(target.admin);
    await applyAll();
    const after = await target.values();
    await applyAll();
    assert.deepEqual(await target.values(), after);
    await undoAll();
    await undoAll();
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("exports the journal before it drops it", async () => {
    await applyAll();
    await undoAll();
    const lines = gunzipSync(target.artifacts.get("journal-deals.jsonl.gz") as Buffer)
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const keys = lines.filter(({ table }) => table === "journal").flatMap(({ row }) => row.keys);
    assert.equal(keys.length, 64);
  });

  it("shows no drift when it is done, and a plan before", async () => {
    const deps = target.deps();
    for (const step of [expand, migration, constraint]) {
      const observation = await step.observe(target.spec(), deps);
      assert.notDeepEqual(observation.plan, [], step.name);
      assert.deepEqual(observation.blockers, [], step.name);
    }
    await applyAll();
    for (const step of [expand, migration, constraint]) {
      const { drift, plan, undo } = await step.observe(target.spec(), deps);
      assert.deepEqual({ drift, plan }, { drift: [], plan: [] }, step.name);
      assert.equal(undo.length, 1);
    }
  });
});
