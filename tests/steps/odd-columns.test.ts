import assert from "node:assert/strict";
import { connect } from "../../postgres/connect.ts";
import { readDealRow } from "../../postgres/deals/deal-row.ts";
import { KeyReader } from "../../postgres/deals/key-pages.ts";
import { readTableState } from "../../postgres/migration/table-state.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

/** Names that our statements use for something of their own, and those that mean something to SQL. */
const NAMES = [
  ...[
    "t",
    "m",
    "e",
    "b",
    "r",
    "q",
    "n",
    "now",
    "next",
    "row",
    "old",
    "new",
    "excluded",
    "done",
    "page",
    "was",
  ],
  ...["key", "raw", "k", "side", "became", "keys", "rollout", "pending", "original", "is_old", "proposal"],
  ...["found_raw", "found_old", "asked", "value", "type", "text", "user", "select", "kind", "since", "left"],
];

/** Types whose text is no JSON, has no equality, or is read back in one way only. */
const TYPES: Record<string, string> = {
  json: `'{"a": "\\u0000", "a": 1}'`,
  xml: "'<a>b</a>'",
  point: "'(1,2)'",
  polygon: "'((0,0),(1,1))'",
  bit: "B'1'",
  "bit varying(7)": "B'101'",
  money: "12.34",
  int4range: "'[1,5)'",
  int4multirange: "'{[1,2),[4,5)}'",
  "text[]": `ARRAY[NULL, 'NULL', 'a"b\\c', '']`,
  bytea: "'\\x00ff'",
  jsonb: `'{"b": [1.50, null]}'`,
  interval: "'1 mon -2 days'",
  timetz: "'10:00+02'",
  tsvector: "'a:1 b'",
  "character(5)": "'ab'",
  '"char"': "'x'",
  float8: "'NaN'",
  numeric: "'1.500'",
  uuid: "'00000000-0000-0000-0000-000000000001'",
  cidr: "'10.0.0.0/8'",
  jsonpath: "'$.a'",
  odd_pair: `ROW(1, 'x,"y')`,
  odd_mood: "'so so'",
  odd_positive: "3",
};

const ODD = `
  CREATE TYPE odd_pair AS (a int, b text); CREATE TYPE odd_mood AS ENUM ('so so');
  CREATE DOMAIN odd_positive AS int CHECK (VALUE > 0);
  ${NAMES.map((name) => `ALTER TABLE deals ADD COLUMN "${name}" text DEFAULT '${name}''s'`).join(";")};
  ${Object.entries(TYPES)
    .map(([type, value], index) => `ALTER TABLE deals ADD COLUMN "odd ${index}" ${type} DEFAULT ${value}`)
    .join(";")};
  ALTER TABLE deals ADD COLUMN gone int; ALTER TABLE deals DROP COLUMN gone;
  ALTER TABLE deals ADD COLUMN "made of" numeric GENERATED ALWAYS AS (budget * 2) STORED`;

describe("columns of odd names and types beside the changed one", () => {
  for (const appTriggers of ["refuse", "fire", "bypass"] as const)
    it(`are in nobody's way, forward and back (${appTriggers})`, async () => {
      const target = await RolloutTarget.make({
        rows: 24,
        ddl: ODD + (appTriggers === "refuse" ? "" : `; ${TOUCH}`),
      });
      const before = await snapshotDatabase(target.admin);
      const spec = target.spec({}, { appTriggers });
      for (const step of STEPS) await target.apply(step, spec);
      const trials = target.logged.find((line) => line.includes("tried and rolled back"));
      assert.match(trials ?? "", /insert as rollout_test_app/);
      await target.admin.query("UPDATE deals SET deal_type = 'carve-out', t = 'x' WHERE id = 1");
      await target.admin.query(
        "UPDATE deals SET t = 't''s', deal_type = (SELECT (ARRAY['carve-out'])[1]) WHERE id = 1",
      );
      for (const step of STEPS.toReversed()) await target.undo(step, spec);
      const after = await snapshotDatabase(target.admin);
      assert.deepEqual(after.schema, before.schema);
      const untouched = ({ rows }: typeof after) =>
        rows["public.deals"]?.filter((line) => !line.startsWith("(1,"));
      assert.deepEqual(untouched(after), untouched(before));
      await target.dispose();
    });

  it("take part in every digest of a row, and are shown whole", async () => {
    const target = await RolloutTarget.make({ rows: 8, ddl: ODD });
    const client = await connect(target.stepUrl);
    const reader = new KeyReader(() => connect(target.stepUrl), CHANGE, target.abort.signal);
    const state = async () => (await readTableState(client, CHANGE)).otherColumns;
    const row = async () => (await reader.readRows(["3"]))[0]?.row;
    const { moment } = await reader.readMoment();
    let [known, digest] = [await state(), await row()];
    await target.admin.query("UPDATE deals SET deal_type = 'carveout' WHERE id = 3");
    assert.deepEqual([await state(), await row()], [known, digest], "the changed column is left out");
    const columns = [...NAMES, ...Object.keys(TYPES).map((_, index) => `odd ${index}`)];
    for (const column of columns) {
      await target.admin.query(`UPDATE deals SET "${column}" = NULL WHERE id = 3`);
      const [next, nextDigest] = [await state(), await row()];
      assert.notEqual(next, known, column);
      assert.notEqual(nextDigest, digest, column);
      [known, digest] = [next, nextDigest];
    }
    assert.deepEqual(await reader.readWritten(["2", "3"], moment), ["3"]);
    assert.equal(JSON.parse(await readDealRow(client, CHANGE, "2")).t, "t's");
    await reader.end();
    await client.end();
    await target.dispose();
  });

  for (const table of ["t", "old", "new", "lease", "journal", "user"])
    it(`are no more in the way when the table is called ${table}`, async () => {
      const target = await RolloutTarget.make({
        rows: 16,
        ddl: `${ODD}; ALTER TABLE deals RENAME TO "${table}"`,
      });
      const before = await snapshotDatabase(target.admin);
      const spec = target.spec({ change: { ...CHANGE, table } });
      for (const step of STEPS) await target.apply(step, spec);
      for (const step of STEPS.toReversed()) await target.undo(step, spec);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
      await target.dispose();
    });

  for (const [column, key] of [
    ["t", "key"],
    ["raw", "t"],
    ["key", "raw"],
    ["new", "old"],
    ["excluded", "k"],
  ] as const)
    it(`may be the changed column and the key themselves: ${column} by ${key}`, async () => {
      const target = await RolloutTarget.make({
        rows: 16,
        ddl: `ALTER TABLE deals RENAME deal_type TO "${column}"; ALTER TABLE deals RENAME id TO "${key}"`,
      });
      const before = await snapshotDatabase(target.admin);
      const spec = target.spec({ change: { ...CHANGE, column, key } });
      for (const step of STEPS) await target.apply(step, spec);
      await target.admin.query(
        `INSERT INTO deals ("${key}", name, "${column}") VALUES (1, 'x', 'carve-out') ON CONFLICT ("${key}") DO UPDATE SET "${column}" = EXCLUDED."${column}"`,
      );
      for (const step of STEPS.toReversed()) await target.undo(step, spec);
      const after = await snapshotDatabase(target.admin);
      assert.deepEqual(after.schema, before.schema);
      assert.match(after.rows["public.deals"]?.[0] ?? "", /^\(1,"deal 1",carve-out,/);
      assert.deepEqual(after.rows["public.deals"]?.slice(1), before.rows["public.deals"]?.slice(1));
      await target.dispose();
    });
});
