import assert from "node:assert/strict";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { RIGHT_UPGRADE, StoppedTarget } from "./stopped-target.ts";

describe("the application's own migration command", function () {
  this.timeout(120_000);
  let stopped: StoppedTarget;
  beforeEach(async () => {
    stopped = await StoppedTarget.make();
    await stopped.target.apply(expand, stopped.target.spec({}, { strategy: "maintenance" }));
  });
  afterEach(() => stopped.dispose());

  const refusal = async (sql: string, around: { before?: string; after?: string } = {}): Promise<string> => {
    const spec = stopped.spec({ upgrade: stopped.upgrade(sql, around) });
    const error = await stopped.target.apply(migration, spec).then(
      () => assert.fail("it went through"),
      (reason: Error) => reason,
    );
    assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, false]);
    return error.message;
  };

  const wrong: [string, string, RegExp][] = [
    [
      "gives a row another value than the rules do",
      `${RIGHT_UPGRADE} UPDATE deals SET deal_type = 'divestiture' WHERE id = 8;`,
      /- row 8: NULL became "divestiture", not "acquisition"\n/,
    ],
    [
      "changes a row that needed no change",
      `${RIGHT_UPGRADE} UPDATE deals SET deal_type = 'carveout' WHERE id = 5;`,
      /- row 5: "acquisition" became "carveout", not "acquisition"\n/,
    ],
    [
      "leaves an old spelling and the constraint out",
      "UPDATE deals SET deal_type = 'acquisition' WHERE deal_type IS NULL",
      /became "carve-out", not "carveout"[\s\S]*no validated CHECK valid_deal_type[\s\S]*deals\.deal_type accepts NULL[\s\S]*alembic_version 003, not 004/,
    ],
    [
      "adds a constraint with other values",
      RIGHT_UPGRADE.replace("'divestiture'))", "'divestiture', 'merger'))"),
      /- no validated CHECK valid_deal_type with the allowed values/,
    ],
    ["does nothing", "SELECT 1", /30 more that differ|more that differ/],
  ];
  for (const [what, sql, expected] of wrong) {
    it(`that ${what} is found out and taken back`, async () => {
      const before = await stopped.snapshot();
      const message = await refusal(sql);
      assert.match(message, expected);
      assert.match(message, /It was taken back: column, constraint and revision are as before\./);
      assert.deepEqual(await stopped.snapshot(), before);
    });
  }

  it("that fails half-way is taken back, with the end of its output and no password in it", async () => {
    const before = await stopped.snapshot();
    const around = { before: 'echo "at $APP_DATABASE";', after: "; exit 7" };
    const message = await refusal(RIGHT_UPGRADE, around);
    assert.match(message, /- exit code 7; the end of its output:\nat \*\*\*/);
    assert.deepEqual(await stopped.snapshot(), before);
  });

  it("that does more than the change is refused, and what stays of it is named", async () => {
    const message = await refusal(
      `${RIGHT_UPGRADE} ALTER TABLE deals ADD COLUMN region text; DELETE FROM deals WHERE id = 7;`,
    );
    assert.match(
      message,
      /What could not be taken back:\n {2}- row 7 is gone\n {2}- added public\.deals\.region type text/,
    );
    const { rows } = await stopped.target.admin.query("SELECT deal_type FROM deals WHERE id = 8");
    assert.deepEqual(rows, [{ deal_type: null }]);
  });

  it("that changes other columns of the rows is refused and named", async () => {
    const message = await refusal(`${RIGHT_UPGRADE} UPDATE deals SET updated_at = now() WHERE id = 3;`);
    assert.match(
      message,
      /What could not be taken back:\n {2}- other columns of "public"\."deals" hold other values/,
    );
  });

  it("that does not hand PGOPTIONS over can't write to the closed table, so that no write is ever misjudged", async () => {
    const before = await stopped.snapshot();
    const message = await refusal(RIGHT_UPGRADE, { before: "unset PGOPTIONS;" });
    assert.match(message, /deals\.deal_type is being migrated: its table is closed for maintenance/);
    assert.match(message, /has to hand PGOPTIONS over/);
    assert.deepEqual(await stopped.snapshot(), before);
  });

  it("that hangs is ended at its time limit and taken back", async () => {
    const before = await stopped.snapshot();
    const upgrade = stopped.upgrade(RIGHT_UPGRADE, { after: "; sleep 60" });
    assert.ok(upgrade);
    const spec = stopped.spec({ upgrade: { ...upgrade, timeoutSeconds: 3 } });
    await assert.rejects(stopped.target.apply(migration, spec), /still ran after 3 s and was ended/);
    assert.deepEqual(await stopped.snapshot(), before);
  });

  it("that is cancelled is taken back, and the writers are started", async () => {
    const before = await stopped.snapshot();
    const upgrade = stopped.upgrade(RIGHT_UPGRADE, {
      after: `; touch "${stopped.unit.folder}/upgraded"; sleep 60`,
    });
    const spec = stopped.spec({ upgrade });
    const failing = assert.rejects(stopped.target.apply(migration, spec), /cancelled[\s\S]*started again/);
    await stopped.unit.until("upgraded");
    stopped.target.abort.abort(new Error("cancelled by SIGINT"));
    await failing;
    assert.deepEqual(await stopped.snapshot(), before);
    assert.ok(await stopped.writerRuns());
  });
});
