import assert from "node:assert/strict";
import pg from "pg";
import { readBaseFacts } from "../../postgres/backup/base-backup-rights.ts";
import { readInventory } from "../../postgres/backup/dump-inventory.ts";
import { findDumpObstacles } from "../../postgres/backup/dump-rights.ts";
import { connect } from "../../postgres/connect.ts";
import { readWriterSessions } from "../../postgres/migration/writer-sessions.ts";
import { readServerFacts, readTargetFacts } from "../../postgres/preflight-facts.ts";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { searchDatabase } from "../../review/database-reads.ts";
import { judgeCatalogue, surveyTarget } from "../../review/target-survey.ts";
import { createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { contractSpec, migrate, TABLE_STEPS, undoAll } from "./contract-fixture.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

/** What real databases have beside the table, and none of which belongs to the migrator. */
const ODD = `
  CREATE SCHEMA "Odd ""Schema"; CREATE SCHEMA secret;
  CREATE TABLE "Odd ""Schema"."tab'le" (id int, "co.l" text) PARTITION BY RANGE (id);
  CREATE TABLE "Odd ""Schema"."part 1" PARTITION OF "Odd ""Schema"."tab'le" FOR VALUES FROM (0) TO (10);
  CREATE TABLE secret.kept (id int PRIMARY KEY, body text);
  ALTER TABLE secret.kept ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON secret.kept USING (false);
  CREATE VIEW secret.shown AS SELECT id, deal_type FROM public.deals;
  CREATE MATERIALIZED VIEW secret.stored AS SELECT deal_type FROM public.deals;
  CREATE FUNCTION secret.reads() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.deals WHERE deal_type IS NULL';
  CREATE EXTENSION file_fdw SCHEMA secret; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
  CREATE FOREIGN TABLE secret.far (line text) SERVER files OPTIONS (filename '/dev/null');
  CREATE EXTENSION pg_trgm SCHEMA secret; CREATE EXTENSION hstore SCHEMA secret;
  CREATE FUNCTION secret.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER odd_ddl ON ddl_command_end EXECUTE FUNCTION secret.on_ddl();
  CREATE TYPE secret.pair AS (a int, b text); CREATE DOMAIN secret.positive AS int CHECK (VALUE > 0);
  CREATE UNLOGGED TABLE secret.fast (id int); CREATE SEQUENCE secret.numbers;
  ALTER TABLE deals ADD COLUMN body text, ADD COLUMN gone int; ALTER TABLE deals DROP COLUMN gone;
  ALTER TABLE deals ALTER COLUMN body SET STORAGE EXTERNAL; UPDATE deals SET body = repeat('x', 10000) WHERE id = 1;
  CREATE PUBLICATION listed FOR TABLE deals, secret.kept; CREATE PUBLICATION nothing;
  CREATE PUBLICATION "every 'thing" FOR ALL TABLES;
  SELECT lo_create(0); COMMENT ON TABLE deals IS 'odd';
  ALTER DEFAULT PRIVILEGES IN SCHEMA secret GRANT SELECT ON TABLES TO rollout_test_app;
  REVOKE ALL ON SCHEMA secret, "Odd ""Schema" FROM PUBLIC`;

for (const major of [14, 18])
  describe(`a database full of what is not ours, PostgreSQL ${major}`, function () {
    this.timeout(240_000);

    it("is looked at, migrated and left as it was by an owner of one table, who is no superuser", async function () {
      const cluster = await otherServer(this, major);
      const url = await createDatabaseOn(cluster, "odd");
      const target = await RolloutTarget.make({ url, rows: 24, ddl: ODD });
      const name = new URL(url).pathname.slice(1);
      await target.admin.query(
        `CREATE ROLE plain LOGIN CREATEROLE PASSWORD 'x'; GRANT CREATE ON DATABASE ${name} TO plain;
         ALTER TABLE deals OWNER TO plain; ALTER TABLE notes OWNER TO plain; ALTER TABLE alembic_version OWNER TO plain`,
      );
      const other = new pg.Client({ connectionString: url });
      await other.connect();
      await other.query(
        `CREATE TEMP TABLE deals (id int, deal_type text); CREATE TEMP TABLE mine (id int);
         BEGIN; LOCK TABLE secret.kept IN ACCESS EXCLUSIVE MODE; CREATE TABLE secret.unborn (id int)`,
      );
      const own = new URL(url);
      [own.username, own.password] = ["plain", "x"];
      target.stepUrl = own.href;
      const client = await connect(target.stepUrl);
      const spec = contractSpec(target);
      for (const step of TABLE_STEPS)
        assert.deepEqual((await step.observe(spec, target.deps())).blockers, [], step.name);
      const judged = { change: CHANGE, migration: spec.migration, stack: "test" };
      const notes = [...(await judgeCatalogue(client, judged)), ...(await surveyTarget(client, CHANGE))];
      assert.ok(notes.some(({ finding }) => finding.includes("replicated by every 'thing, listed")));
      assert.ok(
        (await searchDatabase(client, CHANGE)).some(({ subject }) => subject.includes("secret.reads")),
      );
      assert.ok((await findDumpObstacles(client)).unreadable.includes("secret.kept"));
      assert.equal((await readServerFacts(client)).role, "plain");
      assert.equal((await readTargetFacts(client, CHANGE))?.owns, true);
      assert.deepEqual(await readWriterSessions(client, CHANGE), []);
      assert.equal((await readBaseFacts(client)).replication, false);
      await assert.rejects(
        readInventory(client),
        { code: "42501" },
        "sequences of others: a dump's own check says so",
      );
      await other.query("ROLLBACK");
      // Not before: to spell a policy out the server opens its table, and waits where somebody has locked it.
      assert.equal((await snapshotSchema(client)).publications?.length, 3);
      await client.end();
      await other.end();
      const before = await snapshotSchema(target.admin);
      await migrate(target, spec);
      await undoAll(target, spec);
      assert.deepEqual(await snapshotSchema(target.admin), before);
      await target.dispose();
      await cluster.stop();
    });
  });
