import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Cluster } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { readTargetFacts } from "../../postgres/migration/target-facts.ts";
import { expand } from "../../steps/expand.ts";
import { createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { migrate, undoAll } from "./contract-fixture.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

/** What docs/migration.md has people run on each subscriber. */
function prepareSubscriber(): string {
  const sql = /```sql\n(CREATE SCHEMA rollout;.*?)```/s.exec(readFileSync("docs/migration.md", "utf8"));
  return sql?.[1] ?? assert.fail("no SQL for subscribers in docs/migration.md");
}

const REFUSED =
  /expected no publication that carries schema rollout too \(migration\.journalReplication: refuse\), got everything, and \d+ logical slots?: /;

for (const major of [14, 18])
  describe(`publications of a server of version ${major}`, function () {
    this.timeout(300_000);
    let cluster: Cluster;
    let target: RolloutTarget;
    before(async function () {
      cluster = await otherServer(this, major, { wal_level: "logical" });
    });
    after(() => cluster?.stop());
    beforeEach(async () => {
      target = await RolloutTarget.make({ rows: 24, url: await createDatabaseOn(cluster, "published") });
    });
    afterEach(() => target.dispose());

    const blockers = async (options = {}) =>
      (await expand.observe(target.spec({}, options), target.deps())).blockers.join("\n");

    it("FOR ALL TABLES stop expand before its first change, with the way past", async () => {
      await target.admin.query("CREATE PUBLICATION everything FOR ALL TABLES");
      const said = await blockers();
      assert.match(said, REFUSED);
      assert.match(
        said,
        /CREATE PUBLICATION "everything_without_rollout" FOR TABLE … .*SET PUBLICATION "everything_without_rollout" WITH \(copy_data = false\); then DROP PUBLICATION "everything"\./,
      );
      assert.equal(await blockers({ journalReplication: "prepared" }), "");
    });

    it("of listed tables, of no changes that we make, or of nothing are no obstacle", async () => {
      await target.admin.query(
        `CREATE PUBLICATION listed FOR TABLE deals; CREATE PUBLICATION empty;
         CREATE PUBLICATION cuts FOR ALL TABLES WITH (publish = 'truncate')`,
      );
      assert.equal(await blockers(), "");
      const client = await connect(target.stepUrl);
      const { publications } = await readTargetFacts(client, CHANGE).finally(() => client.end());
      assert.deepEqual(publications.ofTable, ["cuts", "listed"]);
    });

    if (major >= 15)
      it("of a schema are one only if it is schema rollout", async () => {
        await target.admin.query("CREATE PUBLICATION everything FOR TABLES IN SCHEMA public");
        assert.equal(await blockers(), "");
        await target.admin.query(
          "CREATE SCHEMA rollout; ALTER PUBLICATION everything ADD TABLES IN SCHEMA rollout",
        );
        assert.match(await blockers(), REFUSED);
      });

    it("of updates stop it where the table has no replica identity", async () => {
      await target.admin.query(
        "CREATE PUBLICATION listed FOR TABLE deals; ALTER TABLE deals REPLICA IDENTITY NOTHING",
      );
      const said = await blockers();
      const remedy =
        /got REPLICA IDENTITY NOTHING\. (ALTER TABLE "public"\."deals" REPLICA IDENTITY DEFAULT)\./.exec(
          said,
        );
      assert.ok(remedy, said);
      await target.admin.query(remedy[1] as string);
      assert.equal(await blockers(), "");
    });

    it("of all tables let a prepared subscriber go on, forward and back", async () => {
      const other = new pg.Client({ connectionString: await createDatabaseOn(cluster, "subscriber") });
      other.on("error", () => undefined);
      await other.connect();
      await other.query(
        "CREATE TABLE deals (id bigint PRIMARY KEY, name text, deal_type text, budget numeric, updated_at timestamptz)",
      );
      await other.query(
        "CREATE TABLE notes (id bigint PRIMARY KEY, deal_id bigint); CREATE TABLE alembic_version (version_num text PRIMARY KEY)",
      );
      await target.admin.query("CREATE PUBLICATION everything FOR ALL TABLES");
      // On one server it has to be made before: CREATE SUBSCRIPTION would wait for itself.
      await target.admin.query("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')");
      const source = new URL(target.url);
      const dsn = `host=127.0.0.1 port=${source.port} user=${source.username} password=${source.password} dbname=${source.pathname.slice(1)}`;
      await other.query(
        `CREATE SUBSCRIPTION feed CONNECTION '${dsn}' PUBLICATION everything WITH (create_slot = false, slot_name = 'feed')`,
      );
      await other.query(prepareSubscriber());
      const caughtUp = async (wanted: string) => {
        for (let turn = 0; turn < 300; turn += 1) {
          const { rows } = await other.query(
            "SELECT string_agg(coalesce(deal_type, '-'), ',' ORDER BY id) AS all FROM deals",
          );
          if (rows[0]?.all === wanted) return;
          await sleep(100);
        }
        assert.fail("the subscriber stopped");
      };
      const shown = async () =>
        (
          await target.admin.query(
            "SELECT string_agg(coalesce(deal_type, '-'), ',' ORDER BY id) AS all FROM deals",
          )
        ).rows[0]?.all;
      const before = await shown();
      await caughtUp(before);
      const options = { ...target.spec({}, { journalReplication: "prepared" }), quietSeconds: 0 };
      await migrate(target, options);
      await caughtUp(await shown());
      await undoAll(target, options);
      await target.admin.query("INSERT INTO deals (id, name, deal_type) VALUES (900, 'after', 'carveout')");
      await caughtUp(`${before},carveout`);
      await other.query("DROP SUBSCRIPTION feed");
      await other.end();
    });
  });
