import assert from "node:assert/strict";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { verification } from "../../steps/verification.ts";
import { trigger } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

/** Writes to a table that it names as the application's sessions find it. */
const AUDITED = `CREATE TABLE audit (id bigint); GRANT INSERT ON audit TO rollout_test_app;
  ${trigger("INSERT INTO audit VALUES (NEW.id);", { when: "BEFORE INSERT", name: "log_it" })}`;

/** Stands for whatever may break under our triggers: it lets nobody insert while one of them is on the table. */
const JEALOUS = trigger(
  "IF EXISTS (SELECT FROM pg_trigger WHERE tgname LIKE '~rollout%') THEN RAISE 'no strangers'; END IF;",
  { when: "BEFORE INSERT", name: "jealous" },
);

describe("trial writes", () => {
  let target: RolloutTarget;
  afterEach(() => target.dispose());

  const trialsOfApp = (trials: string[]) => trials.filter((name) => name.endsWith("rollout_test_app"));

  it("go through where a trigger of the application names its tables as the application does", async () => {
    target = await RolloutTarget.make({ ddl: AUDITED });
    const { trials } = await target.apply(expand, target.spec());
    assert.deepEqual(trialsOfApp(trials), ["insert as rollout_test_app", "update as rollout_test_app"]);
    await target.apply(migration, target.spec());
    await target.apply(constraint, target.spec());
    const { specVersion, identity, generation, deadlineSeconds, change } = target.spec();
    const spec = { specVersion, identity, generation, deadlineSeconds, change };
    const { negativeWrites } = await verification.apply(spec, target.deps());
    assert.deepEqual(
      negativeWrites?.map(({ refused }) => refused),
      [true, true],
    );
    assert.equal((await target.admin.query("SELECT FROM audit")).rowCount, 0);
  });

  it("stop expand when one fails under the triggers that went through before, and leave none of them on the table", async () => {
    for (const ddl of [JEALOUS, `${AUDITED} ${JEALOUS}`]) {
      target = await RolloutTarget.make({ ddl });
      const before = await snapshotDatabase(target.admin);
      await assert.rejects(
        target.apply(expand, target.spec()),
        /expected the application's writes to deals\.deal_type to go on, got insert as rollout: P0001 function \S+ refuses it; insert as rollout_test_app: P0001 function \S+ refuses it\. No trigger was left/,
      );
      const { rowCount } = await target.admin.query("SELECT FROM pg_trigger WHERE tgname LIKE '~rollout%'");
      assert.equal(rowCount, 0);
      await target.undo(expand, target.spec());
      assert.deepEqual(await snapshotDatabase(target.admin), before);
      await target.dispose();
    }
  });

  it("that fail before and after are the application's own affair, and are not counted as gone through", async () => {
    target = await RolloutTarget.make({
      ddl: trigger("RAISE 'never';", { when: "BEFORE INSERT", name: "never" }),
    });
    const { trials } = await target.apply(expand, target.spec());
    assert.deepEqual(trialsOfApp(trials), ["update as rollout_test_app"]);
  });
});
