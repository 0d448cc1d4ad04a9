import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import pg from "pg";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH, trigger } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { anyWrite, readDifferences, singleWrite, TWIN, type Write, writeBoth } from "./twin-writes.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];
/** Everything that happens to the table in a rollout and its undo, in order. */
const JOURNEY = [
  ...STEPS.map((step) => ["apply", step] as const),
  ...STEPS.toReversed().map((step) => ["undo", step] as const),
];
type Mode = ChangeStepSpec["migration"]["appTriggers"];

describe("triggers of the application", () => {
  let target: RolloutTarget;
  const make = async (ddl: string, rows = 40) => {
    target = await RolloutTarget.make({ rows, ddl });
  };
  afterEach(() => target.dispose());

  const specOf = (appTriggers: Mode) => target.spec({}, { appTriggers });
  const applyAll = async (mode: Mode) => {
    for (const step of STEPS) await target.apply(step, specOf(mode));
  };
  const undoAll = async (mode: Mode) => {
    const kept = [];
    for (const step of STEPS.toReversed()) kept.push(...(await target.undo(step, specOf(mode))).kept);
    return kept;
  };
  const numbers = async (sql: string) => (await target.admin.query({ text: sql, rowMode: "array" })).rows;

  for (const [mode, fired] of [
    ["bypass", [["1", "40"]]],
    [
      "fire",
      [
        ["1", "15"],
        ["2", "25"],
      ],
    ],
  ] as const) {
    it(`${mode}: every column of every row is as it was after the undo, also the second time`, async () => {
      await make(TOUCH);
      const before = await snapshotDatabase(target.admin);
      for (const _ of [1, 2]) {
        await applyAll(mode);
        assert.deepEqual(
          await numbers("SELECT version::text, count(*)::text FROM deals GROUP BY 1 ORDER BY 1"),
          fired,
        );
        await target.undo(constraint, specOf(mode));
        await target.undo(migration, specOf(mode));
        await applyAll(mode);
        assert.deepEqual(await undoAll(mode), []);
        assert.deepEqual(await snapshotDatabase(target.admin), before);
      }
    });

    // Within a transaction now() stands still: in table and twin the trigger leaves the same. A counter that our own
    // update has raised can't be told from one that a user's has: only where it is bypassed is it exact beside users.
    const touch = `NEW.updated_at := now();${mode === "bypass" ? " NEW.budget := NEW.budget + 1;" : ""}`;
    const twins = `${TWIN} ${trigger(touch)}
      CREATE TRIGGER touch BEFORE UPDATE ON twin FOR EACH ROW EXECUTE FUNCTION touch();`;

    it(`${mode}: gives the table that the same writes make without any rollout, for random writes between all steps`, async () => {
      const writes = fc.array(anyWrite, { maxLength: 8 });
      const between = fc.tuple(writes, writes, writes, writes, writes, writes);
      const runs = fc.asyncProperty(between, async (groups) => {
        await make(twins, 30);
        for (const [index, [verb, step]] of JOURNEY.entries()) {
          for (const write of groups[index] as Write[]) await writeBoth(target.admin, write);
          await target[verb](step, specOf(mode));
        }
        assert.deepEqual(await readDifferences(target.admin), []);
        await target.dispose();
      });
      await fc.assert(runs, { numRuns: Number(process.env.ROLLOUT_TEST_RUNS ?? 5), endOnFailure: true });
    });

    it(`${mode}: gives that table while users write all the time, too`, async () => {
      await make(twins, 30);
      const users = new TwinUsers(target.url);
      for (const [verb, step] of JOURNEY) {
        await users.write(10);
        await target[verb](step, specOf(mode));
      }
      await users.stop();
      assert.deepEqual(users.failures, []);
      assert.deepEqual(await readDifferences(target.admin), []);
    });
  }
});

/** Three users who write to table and twin until they are stopped. */
class TwinUsers {
  readonly failures: unknown[] = [];
  #written = 0;
  #stop = false;
  readonly #users: Promise<void>[];

  constructor(url: string) {
    this.#users = [1, 2, 3].map((seed) => this.#live(url, seed));
  }

  /** Waits until that many writes more have been done. */
  async write(count: number): Promise<void> {
    const goal = this.#written + count;
    while (this.#written < goal && this.failures.length === 0) await sleep(5);
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#users);
  }

  async #live(url: string, seed: number): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let n = 0; !this.#stop; n += 1) {
      const [write] = fc.sample(singleWrite, { numRuns: 1, seed: seed * 1_000_000 + n });
      const failure = await writeBoth(client, write as Write, { alone: true });
      if (failure) this.failures.push(failure);
      else this.#written += 1;
      // Slow enough that rows which were migrated are there to be written to.
      await sleep(10);
    }
    await client.end();
  }
}
