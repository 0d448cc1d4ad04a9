import assert from "node:assert/strict";
import type pg from "pg";
import { quoteName } from "../../postgres/migration/change-sql.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { TABLE_STEPS } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

/** Four schemas of 75 tables each, that hang on one another and on the changed one. */
const MANY = `
  DO $$ DECLARE s text; n int; BEGIN
    FOREACH s IN ARRAY ARRAY['crm', 'Odd "One"', 'select', 'über'] LOOP
      EXECUTE format('CREATE SCHEMA %I', s);
      FOR n IN 1 .. 75 LOOP
        EXECUTE format('CREATE TABLE %I.%I (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deal_id bigint REFERENCES public.deals ON DELETE SET NULL,
            "before" int REFERENCES %I.%I DEFERRABLE INITIALLY DEFERRED, deal_type text DEFAULT ''carve-out'', "co.l" jsonb,
            twice int GENERATED ALWAYS AS (n * 2) STORED, n int CHECK (n > 0))', s, 'T ' || n, s, 'T ' || greatest(1, n - 1));
        EXECUTE format('INSERT INTO %I.%I (deal_id, deal_type, n) SELECT id, deal_type, id FROM public.deals WHERE id %% 7 = %s', s, 'T ' || n, n % 7);
        EXECUTE format('COMMENT ON TABLE %I.%I IS %L', s, 'T ' || n, 'it''s ' || n);
      END LOOP;
    END LOOP;
  END $$;`;

/** Objects of every kind, over the changed table wherever they may be. */
const ODD = `
  CREATE TYPE crm.mood AS ENUM ('carve-out', 'carveout'); CREATE DOMAIN crm.kind AS text CHECK (VALUE <> 'merger');
  CREATE TYPE crm.pair AS (a int, b crm.mood); CREATE TYPE crm.span AS RANGE (subtype = numeric);
  ALTER TABLE crm."T 1" ADD mood crm.mood DEFAULT 'carve-out', ADD kind crm.kind, ADD pair crm.pair DEFAULT '(1,carveout)', ADD span crm.span DEFAULT '[1,2)';
  ALTER TABLE deals ADD label text GENERATED ALWAYS AS (coalesce(deal_type, '?') || ':' || name) STORED, ADD mood crm.mood DEFAULT 'carve-out',
    ADD "is changed" crm.kind DEFAULT 'carve-out', ADD spans crm.span[] DEFAULT '{"[1,2)"}', ADD gone int;
  ALTER TABLE deals DROP COLUMN gone;
  CREATE VIEW crm.shown AS SELECT d.*, t."co.l" FROM deals d LEFT JOIN crm."T 2" t ON t.deal_id = d.id;
  CREATE VIEW "select".nulls WITH (security_barrier) AS SELECT id FROM crm.shown WHERE deal_type IS NULL;
  CREATE MATERIALIZED VIEW crm.stored AS SELECT deal_type, count(*) FROM deals GROUP BY 1; CREATE UNIQUE INDEX ON crm.stored (deal_type);
  CREATE TABLE crm.logged (id int, at date, deal_type text) PARTITION BY RANGE (at);
  CREATE TABLE crm."logged 2025" PARTITION OF crm.logged FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (deal_type);
  CREATE TABLE crm.logged_old PARTITION OF crm."logged 2025" DEFAULT; CREATE TABLE crm.logged_rest PARTITION OF crm.logged DEFAULT;
  INSERT INTO crm.logged SELECT n, '2025-06-01'::date + n * 10, 'carve-out' FROM generate_series(1, 40) n;
  CREATE TABLE "select".parent (id int, deal_type text); CREATE TABLE "select".child (more text) INHERITS ("select".parent, crm."T 3");
  INSERT INTO "select".child (id, n, deal_type) VALUES (1, 1, 'carve-out');
  ALTER TABLE "über"."T 5" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY own ON "über"."T 5" USING (deal_type = 'carve-out');
  ALTER TABLE deals ENABLE ROW LEVEL SECURITY; CREATE POLICY every ON deals USING (name <> '');
  CREATE INDEX "deals'lower" ON deals (lower(deal_type)) WHERE budget >= 0; CREATE STATISTICS crm.deals_stat ON deal_type, budget FROM deals;
  CREATE FUNCTION crm.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := coalesce(NEW.n, 1); RETURN NEW; END $$;
  CREATE TRIGGER "tell'em" BEFORE INSERT OR UPDATE ON crm."T 4" FOR EACH ROW EXECUTE FUNCTION crm.tell();
  CREATE RULE keep AS ON DELETE TO crm."T 6" DO INSTEAD NOTHING;
  CREATE AGGREGATE crm.firsts (text) (sfunc = textcat, stype = text); CREATE PROCEDURE crm.nop() LANGUAGE sql AS 'SELECT 1';
  CREATE UNLOGGED TABLE crm.fast AS SELECT 1 AS id; CREATE SEQUENCE crm.numbers INCREMENT 7 MINVALUE -5 START 2 CYCLE;
  COMMENT ON COLUMN deals.deal_type IS 'what''s "it"'; COMMENT ON TABLE deals IS 'of all'; COMMENT ON CONSTRAINT deals_pkey ON deals IS 'key';
  GRANT SELECT (id, deal_type), UPDATE (budget) ON deals TO rollout_test_app; GRANT USAGE ON SCHEMA crm TO PUBLIC;
  ALTER TABLE deals ALTER deal_type SET STATISTICS 500, ALTER deal_type SET STORAGE MAIN, SET (fillfactor = 80, autovacuum_enabled = off);
  ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO rollout_test_app;`;

/** Types of contrib, each where the server has it. */
const EXTENSIONS: Record<string, string> = {
  hstore: `ALTER TABLE deals ADD tags crm.hstore DEFAULT '"a b"=>NULL, c=>"\\"d"'`,
  citext: "ALTER TABLE deals ADD owner crm.citext DEFAULT 'Ann'",
  ltree: "ALTER TABLE deals ADD path crm.ltree DEFAULT 'top.x'",
  cube: "ALTER TABLE deals ADD box crm.cube DEFAULT '(1,2),(3,4)'",
  pg_trgm: "CREATE INDEX deals_trgm ON deals USING gin (deal_type crm.gin_trgm_ops)",
};

/** What the schema's snapshot leaves out of it. */
const MORE = `
  SELECT 'comment ' || classoid::regclass || ' ' || pg_describe_object(classoid, objoid, objsubid) || ' ' || description AS line
  FROM pg_description WHERE objoid >= 16384
  UNION ALL SELECT format('column %s.%s %s %s %s', a.attrelid::regclass, a.attname, to_jsonb(a) -> 'attstattarget', a.attstorage, a.attcollation::regcollation)
  FROM pg_attribute a WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT 'rule ' || pg_get_ruledef(oid) FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT 'statistics ' || pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
  UNION ALL SELECT format('type %s %s %s', oid::regtype, typdefault, typnotnull) FROM pg_type WHERE oid >= 16384
  UNION ALL SELECT format('stored %s', s) FROM crm.stored s
  ORDER BY 1`;

/** Everything: schema, all rows of all tables, and the rest of the catalogue. */
async function lookAt(admin: pg.Client) {
  return { ...(await snapshotDatabase(admin)), more: (await admin.query(MORE)).rows.map(({ line }) => line) };
}

for (const major of [14, 18])
  describe(`many tables and odd schemas, PostgreSQL ${major}`, function () {
    this.timeout(240_000);

    it("0 → 1 → 0 is exact: nothing but the column's values changes, and all of it goes back", async function () {
      const cluster = await otherServer(this, major);
      const target = await RolloutTarget.make({
        url: await createDatabaseOn(cluster, "many"),
        rows: 60,
        ddl: MANY,
      });
      const { admin } = target;
      // Of its own: the deferred keys are tried at the end of what comes before.
      await admin.query(ODD);
      const { rows: there } = await admin.query("SELECT name FROM pg_available_extensions");
      for (const { name } of there) {
        const use = EXTENSIONS[name];
        if (use) await admin.query(`CREATE EXTENSION ${quoteName(name)} SCHEMA crm; ${use}`);
      }
      const before = await lookAt(admin);
      assert.ok(Object.keys(before.rows).length > 600, "tables and their sequences");
      const steps = TABLE_STEPS.slice(0, 3);
      const spec = { ...target.spec(), quietSeconds: 0 };
      for (const step of steps)
        assert.deepEqual((await step.observe(spec, target.deps())).blockers, [], step.name);
      for (const step of steps) await target.apply(step, spec);
      const after = await lookAt(admin);
      const changed = Object.keys(before.rows).filter(
        (table) => `${before.rows[table]}` !== `${after.rows[table]}`,
      );
      assert.deepEqual(changed, ["public.alembic_version", "public.deals"]);
      assert.ok(Object.values(await target.values()).every((value) => value && !value.includes("-")));
      for (const step of steps.toReversed()) {
        const { kept, left } = await target.undo(step, spec);
        assert.deepEqual([kept, left ?? []], [[], []]);
      }
      assert.deepEqual(await lookAt(admin), before);
      await target.dispose();
      await cluster.stop();
    });
  });
