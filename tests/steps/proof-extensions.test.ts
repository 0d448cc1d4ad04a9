import assert from "node:assert/strict";
import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Cluster } from "../../postgres/backup/cluster.ts";
import { backup } from "../../steps/backup.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { copyInstallation, type OwnInstallation } from "../postgres/own-installation.ts";
import { backupSpec, proofSpec } from "./backup-fixture.ts";
import { DEALS, makeDeps, runSql } from "./preflight-deps.ts";

/** Everything that can stand on an extension, and what must not go with it. */
const ON_LOST = [
  "CREATE EXTENSION lost",
  "CREATE TABLE places (id int PRIMARY KEY, at lost_shape)",
  "INSERT INTO places VALUES (1, '(1,2)'), (2, '(3,4)')",
  "CREATE DOMAIN small_shape AS lost_shape",
  "CREATE TABLE small_places (at small_shape)",
  "CREATE TABLE tokens (id int DEFAULT lost_number(), checked int CHECK (lost_ok(checked)))",
  "CREATE TABLE visits (id serial PRIMARY KEY, place int REFERENCES places)",
  "INSERT INTO visits (place) VALUES (1), (2), (2)",
  "CREATE VIEW shapes AS SELECT at FROM places",
  "CREATE VIEW shapes_again AS SELECT * FROM shapes",
  "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM shapes_again",
  "CREATE FUNCTION move(lost_shape) RETURNS int LANGUAGE sql AS 'SELECT 1'",
  "CREATE INDEX deals_lost ON deals (lost_norm(name))",
  "CREATE TRIGGER lost_stamp BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION lost_stamp()",
  "CREATE POLICY lost_rows ON visits USING (lost_ok(place))",
  "CREATE TABLE days (day int, shape lost_shape) PARTITION BY LIST (day)",
  "CREATE TABLE day_1 PARTITION OF days FOR VALUES IN (1)",
];

const LOST = `
CREATE TYPE lost_shape AS (x int, y int);
CREATE FUNCTION lost_norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION lost_ok(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION lost_number() RETURNS int LANGUAGE sql AS 'SELECT 7';
CREATE FUNCTION lost_stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE lost_settings (name text);`;

describe("proof of a database with extensions", () => {
  let installation: OwnInstallation;
  let cluster: Cluster;
  let count = 0;

  before(async () => {
    installation = copyInstallation();
    // Made-up names: each needs one that sorts after it, in each of the ways in which one can.
    installation.addExtension(
      "zzz_base",
      "CREATE DOMAIN zzz_money AS numeric; CREATE FUNCTION zzz() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    );
    installation.addExtension(
      "aaa_first",
      "CREATE FUNCTION aaa() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT zzz(); END;",
      { requires: "zzz_base" },
    );
    installation.addExtension(
      "bbb_silent",
      "CREATE FUNCTION bbb(zzz_money) RETURNS int LANGUAGE sql AS 'SELECT 1';",
    );
    installation.addExtension("yyy_schema", "CREATE SCHEMA yyy;");
    installation.addExtension("ccc_guest", "CREATE FUNCTION ccc() RETURNS int LANGUAGE sql AS 'SELECT 1';", {
      relocatable: "true",
    });
    installation.addExtension("lost", LOST);
    cluster = await installation.start();
  });
  after(async () => {
    await cluster.stop();
    installation.leave();
  });

  async function createDatabase(...statements: string[]): Promise<string> {
    count += 1;
    const name = `own_${count}`;
    await runSql(cluster.url(), `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    await runSql(cluster.url(name), ...DEALS, ...statements);
    return cluster.url(name);
  }

  const specFor = (url: string, leaveOut: { extensions?: string[]; objects?: string[] } = {}) => ({
    ...proofSpec(url),
    keep: { schema: "public", table: "deals" },
    leaveOut: { extensions: [], objects: [], ...leaveOut },
  });

  it("makes each extension after those that it needs, whatever their names, with their casts, domains and servers", async () => {
    const url = await createDatabase(
      "CREATE EXTENSION zzz_base",
      "CREATE EXTENSION aaa_first",
      "CREATE EXTENSION bbb_silent",
      "CREATE EXTENSION yyy_schema",
      "CREATE EXTENSION ccc_guest SCHEMA yyy",
      "CREATE EXTENSION earthdistance CASCADE",
      "CREATE EXTENSION unaccent",
      "CREATE EXTENSION btree_gist",
      "CREATE EXTENSION postgres_fdw",
      "CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw",
      "CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'x')",
      "CREATE TABLE sums (amount zzz_money, at earth, EXCLUDE USING gist (amount WITH =))",
      "INSERT INTO sums VALUES (7, NULL)",
      "CREATE TABLE yyy.guests (id int DEFAULT yyy.ccc())",
    );
    const spec = backupSpec();
    await backup.apply(spec, makeDeps(url));
    assert.deepEqual((await restoreProof.observe(specFor(spec.url), makeDeps(url))).blockers, []);
    const result = await restoreProof.apply(specFor(spec.url), makeDeps(url));
    assert.deepEqual([result.tables, result.rows], [3, 1001]);
    assert.deepEqual(result.notProven, [
      { object: "server elsewhere", reason: "only a superuser can make it: a foreign server" },
      { object: "user mapping public on server elsewhere", reason: "needs server elsewhere" },
    ]);
  });

  describe("of which one is not on this machine", () => {
    let url: string;
    let spec: ReturnType<typeof backupSpec>;
    before(async () => {
      url = await createDatabase(...ON_LOST);
      spec = backupSpec();
      installation.removeExtension("lost");
    });

    it("says so before the backup is taken, with what stands on it and both ways on", async () => {
      const { blockers } = await restoreProof.observe(specFor(spec.url), makeDeps(url));
      assert.equal(blockers.length, 1);
      assert.match(
        blockers[0] ?? "",
        /^restore-proof: expected extension lost on this machine, .* got none\. On it stand: table public\.places, /,
      );
      assert.match(
        blockers[0] ?? "",
        /Install its package \(Debian: [^)]+\); or leave it out .*: pulumi config set --path 'backup\.proof\.leaveOut\.extensions\[0\]' 'lost'\.$/,
      );
    });

    it("proves all the rest without it and all that stands on it, each named with the reason", async () => {
      await backup.apply(spec, makeDeps(url));
      const wish = specFor(spec.url, { extensions: ["lost"] });
      assert.deepEqual((await restoreProof.observe(wish, makeDeps(url))).blockers, []);
      const result = await restoreProof.apply(wish, makeDeps(url));
      assert.deepEqual([result.tables, result.rows], [2, 1003], "deals and visits");
      const reasons = Object.fromEntries(result.notProven.map(({ object, reason }) => [object, reason]));
      assert.deepEqual(reasons, {
        "extension lost": "named in backup.proof.leaveOut.extensions",
        "table public.places": "needs extension lost",
        "type public.small_shape": "needs extension lost",
        "table public.small_places": "needs type public.small_shape",
        "table public.tokens": "needs extension lost",
        "table constraint visits_place_fkey on public.visits": "needs table public.places",
        "view public.shapes": "needs extension lost",
        "view public.shapes_again": "needs extension lost",
        "materialized view public.counted": "needs view public.shapes_again",
        "function public.move(public.lost_shape)": "needs extension lost",
        "index public.deals_lost": "needs extension lost",
        "trigger lost_stamp on public.deals": "needs extension lost",
        "policy lost_rows on public.visits": "needs extension lost",
        "table public.days": "needs extension lost",
        "table public.day_1": "needs extension lost",
      });
      assert.match(result.limits.join("\n"), /not restored: /);
    });

    it("never leaves out the table of the change: neither in preview nor in the proof", async () => {
      await backup.apply({ ...spec, generation: 2 }, makeDeps(url));
      const wish = {
        ...specFor(spec.url, { extensions: ["lost"] }),
        keep: { schema: "public", table: "places" },
      };
      const expected =
        /expected public\.places, the table of the change, in the restored copy, got it left out: table public\.places needs extension lost\./;
      assert.match((await restoreProof.observe(wish, makeDeps(url))).blockers.join(), expected);
      await assert.rejects(
        restoreProof.apply(wish, makeDeps(url)),
        (error) => error instanceof StepError && expected.test(error.message),
      );
      const unnamed = { ...wish, leaveOut: undefined };
      const { blockers } = await restoreProof.observe(unnamed, makeDeps(url));
      assert.match(
        blockers.join(),
        /Install its package .*; public\.places, the table of the change, needs it: it can't be left out\.$/,
      );
    });

    it("refuses a name of something that the database does not have", async () => {
      const wish = specFor(spec.url, { extensions: ["lost", "postgis"], objects: ["public.nowhere"] });
      const { blockers } = await restoreProof.observe(wish, makeDeps(url));
      assert.match(blockers[0] ?? "", /backup\.proof\.leaveOut\.extensions, got "postgis"/);
      assert.match(blockers[1] ?? "", /backup\.proof\.leaveOut\.objects, got "public\.nowhere"/);
    });
  });
});
