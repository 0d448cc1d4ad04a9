import assert from "node:assert/strict";
import fc from "fast-check";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { expand } from "../../steps/expand.ts";
import { contractSpec, migrate, undoAll } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { anyWrite, readDifferences, TWIN, type Write, writeBoth } from "./twin-writes.ts";

/** Something of the application's that refuses original values in rows of these keys, and how it goes. */
interface Obstacle {
  set: string;
  drop: string;
}

const OLD_IN = (keys: number[], row = "") =>
  `${row}id = ANY ('{${keys.join()}}') AND (${row}deal_type IN ('acquisition', 'carveout', 'divestiture')) IS NOT TRUE`;

const raising = (name: string, when: string, body: string): Obstacle => ({
  set: `CREATE FUNCTION public.${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
    CREATE ${when.startsWith("CONSTRAINT") ? when.replace("%N", name) : `TRIGGER ${name} ${when}`} EXECUTE FUNCTION public.${name}()`,
  drop: `DROP FUNCTION public.${name} CASCADE`,
});

const KINDS: ((keys: number[], n: number) => Obstacle)[] = [
  (keys, n) => ({
    set: `ALTER TABLE deals ADD CONSTRAINT check_${n} CHECK ((${OLD_IN(keys)}) IS NOT TRUE) NOT VALID`,
    drop: `ALTER TABLE deals DROP CONSTRAINT check_${n}`,
  }),
  (keys, n) =>
    raising(
      `before_${n}`,
      "BEFORE UPDATE ON deals FOR EACH ROW",
      `IF ${OLD_IN(keys, "NEW.")} THEN RAISE 'no'; END IF;`,
    ),
  (keys, n) =>
    raising(
      `after_${n}`,
      "AFTER UPDATE ON deals FOR EACH ROW",
      `ASSERT (${OLD_IN(keys, "NEW.")}) IS NOT TRUE;`,
    ),
  (keys, n) =>
    raising(
      `late_${n}`,
      "CONSTRAINT TRIGGER %N AFTER UPDATE ON deals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
      `IF ${OLD_IN(keys, "NEW.")} THEN RAISE 'no'; END IF;`,
    ),
  (keys, n) =>
    // Of the undo's updates only: the twin has no such trigger, and users' writes are to be the same in both.
    raising(
      `swallow_${n}`,
      "BEFORE UPDATE ON deals FOR EACH ROW",
      `IF current_setting('rollout.migrating', true) = 'on' AND ${OLD_IN(keys, "NEW.")} THEN RETURN NULL; END IF;`,
    ),
  (keys, n) =>
    raising(
      `whole_${n}`,
      "AFTER UPDATE ON deals FOR EACH STATEMENT",
      `IF EXISTS (SELECT FROM public.deals WHERE ${OLD_IN(keys)}) THEN RAISE 'no'; END IF;`,
    ),
];

const obstacle = fc.tuple(
  fc.constantFrom(...KINDS),
  fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 30 }),
);
const writes = fc.array(anyWrite, { maxLength: 8 });

describe("an undo that is refused at random", function () {
  this.timeout(240_000);

  it("leaves each row exactly original, a user's, or on record with its value unchanged; once mended it is exact", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          before: writes,
          obstacles: fc.array(obstacle, { minLength: 1, maxLength: 3 }),
          meanwhile: writes,
          after: writes,
        }),
        async ({ before, obstacles, meanwhile, after }) => {
          const target = await RolloutTarget.make({ rows: 30, ddl: TWIN });
          const write = async (all: Write[]) => {
            for (const each of all) await writeBoth(target.admin, each);
          };
          const valuesOf = async (table: string) =>
            new Map(
              (await target.admin.query(`SELECT id::text AS id, deal_type FROM ${table}`)).rows.map((row) => [
                row.id,
                row.deal_type,
              ]),
            );
          const schema = await snapshotSchema(target.admin);
          await migrate(target);
          await write(before);
          const standing = obstacles.map(([make, keys], n) => make(keys, n));
          for (const { set } of standing) await target.admin.query(set);
          const migrated = await valuesOf("deals");
          await undoAll(target);
          const now = await valuesOf("deals");
          const wanted = await valuesOf("twin");
          const there = (
            await target.admin.query("SELECT to_regclass('rollout.refused') IS NOT NULL AS there")
          ).rows[0].there;
          const left = new Set(
            there
              ? (await target.admin.query("SELECT key FROM rollout.refused")).rows.map(({ key }) => key)
              : [],
          );
          for (const [id, value] of wanted)
            assert.equal(now.get(id), left.has(id) ? migrated.get(id) : value, `row ${id}`);
          for (const id of left)
            assert.notEqual(now.get(id), wanted.get(id), `row ${id} is back, and still on record`);
          await write(meanwhile);
          for (const { drop } of standing) await target.admin.query(drop);
          await write(after);
          if (there) assert.deepEqual((await target.undo(expand, contractSpec(target))).left, []);
          assert.deepEqual(await readDifferences(target.admin), []);
          assert.deepEqual(await snapshotSchema(target.admin), schema);
          await target.dispose();
        },
      ),
      { numRuns: Number(process.env.ROLLOUT_TEST_RUNS ?? 10), endOnFailure: true },
    );
  });
});
