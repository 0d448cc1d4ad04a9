import assert from "node:assert/strict";
import { StepError } from "../../errors/step-error.ts";
import { backup } from "../../steps/backup.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { backupSpec, createDealsDatabase, proofSpec } from "./backup-fixture.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";

/** A backup of a database with these objects, and the wish to prove it. */
async function takeBackup(...statements: string[]) {
  const url = await createDealsDatabase();
  await runSql(url, ...statements);
  const taking = backupSpec();
  await backup.apply(taking, makeDeps(url));
  const wish = (...objects: string[]) => ({
    ...proofSpec(taking.url),
    keep: { schema: "public", table: "deals" },
    leaveOut: { extensions: [], objects },
  });
  return { url, taking, wish, deps: makeDeps(url) };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("expected a refusal"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StepError, error instanceof Error ? error.stack : String(error));
  return error.message;
}

describe("proof without what only a superuser can make", () => {
  it("leaves out by itself what no rows go with, says so before the backup, and names each", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int)",
      "CREATE FUNCTION quiet(text) RETURNS text LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1'",
      "CREATE INDEX deals_quiet ON deals (quiet(name))",
      "CREATE VIEW quiet_deals AS SELECT quiet(name) FROM deals",
      "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
      "CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()",
      "CREATE FUNCTION raw_lower(text) RETURNS text LANGUAGE internal IMMUTABLE AS 'lower'",
      "CREATE CAST (double precision AS timestamptz) WITH FUNCTION to_timestamp(float8)",
      "CREATE FUNCTION logged() RETURNS int LANGUAGE sql SET log_statement = 'none' AS 'SELECT 1'",
      "CREATE AGGREGATE gather(anynonarray) (SFUNC = array_agg_transfn, STYPE = internal, FINALFUNC = array_agg_finalfn, FINALFUNC_EXTRA)",
      "CREATE TEXT SEARCH TEMPLATE plain (LEXIZE = dsimple_lexize, INIT = dsimple_init)",
      "CREATE TEXT SEARCH DICTIONARY plain_words (TEMPLATE = plain)",
    );
    const observed = await restoreProof.observe(wish(), deps);
    assert.deepEqual(observed.blockers, []);
    assert.match(
      observed.plan.join("\n"),
      /^not proven, left out: .*operator class public\.backwards USING btree/m,
    );
    const { rows, notProven } = await restoreProof.apply(wish(), deps);
    assert.equal(rows, 1000);
    const named = Object.fromEntries(notProven.map(({ object, reason }) => [object, reason]));
    const own = "only a superuser can make it: ";
    assert.deepEqual(named, {
      "operator class public.backwards USING btree": `${own}an operator class`,
      "operator family public.backwards USING btree": `${own}an operator family`,
      "function public.quiet(text)": `${own}LEAKPROOF`,
      "index public.deals_quiet": "needs function public.quiet(text)",
      "view public.quiet_deals": "needs function public.quiet(text)",
      "event trigger on_ddl": `${own}an event trigger`,
      "function public.raw_lower(text)": `${own}written in language internal`,
      "cast (double precision AS timestamp with time zone)": `${own}a cast between types that are not its owner's, or without a function`,
      "function public.logged()": `${own}it sets a parameter that only superusers may set`,
      "aggregate public.gather(anynonarray)": `${own}its state is of type internal`,
      "text search template public.plain": `${own}a text search template`,
      "text search dictionary public.plain_words": "needs text search template public.plain",
    });
  });

  it("asks before rows go with it: with the name to leave out, never with a new backup", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE FUNCTION quiet(text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT true'",
      "CREATE TABLE letters (body text CHECK (quiet(body)))",
      "INSERT INTO letters VALUES ('a'), ('b')",
      "CREATE TABLE copies (body text GENERATED ALWAYS AS (quiet('x')::text) STORED)",
    );
    const expected =
      /got function public\.quiet\(text\), which only a superuser can make \(LEAKPROOF\).*the rows of table public\.(copies|letters).*pulumi config set --path 'backup\.proof\.leaveOut\.objects\[0\]' 'function public\.quiet\(text\)'/;
    assert.match((await restoreProof.observe(wish(), deps)).blockers.join(), expected);
    const refused = await refusal(restoreProof.apply(wish(), deps));
    assert.match(refused, expected);
    assert.doesNotMatch(refused, /Take a new backup/);
    const { tables, rows, notProven } = await restoreProof.apply(wish("public.quiet(text)"), deps);
    assert.deepEqual([tables, rows], [1, 1000]);
    assert.deepEqual(notProven.map(({ object }) => object).sort(), [
      "function public.quiet(text)",
      "table public.copies",
      "table public.letters",
    ]);
  });

  it("asks once for each table, behind one another, and for none that is left out already", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE FUNCTION quiet(text) RETURNS text LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1'",
      "CREATE FUNCTION quieter(text) RETURNS text LANGUAGE sql IMMUTABLE LEAKPROOF BEGIN ATOMIC SELECT quiet($1); END",
      "CREATE FUNCTION loud(text) RETURNS text LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1'",
      "CREATE TABLE letters (body text, c text GENERATED ALWAYS AS (quieter(body)) STORED)",
      "CREATE TABLE notes (id serial, body text, c text GENERATED ALWAYS AS (loud(body)) STORED)",
      "CREATE FUNCTION lone(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE SEQUENCE lone_numbers",
    );
    const { blockers } = await restoreProof.observe(wish(), deps);
    const commands = blockers.map((text) => /leaveOut\.(objects\[\d\]' '[^']*)/.exec(text)?.[1]);
    assert.deepEqual(commands, [
      "objects[0]' 'function public.quieter(text)",
      "objects[1]' 'function public.loud(text)",
    ]);
    const given = wish("table public.letters", "public.notes", "public.lone", "sequence public.lone_numbers");
    assert.deepEqual((await restoreProof.observe(given, deps)).blockers, []);
    const named = (await restoreProof.apply(given, deps)).notProven.map(({ object }) => object);
    for (const object of [
      "function public.quiet(text)",
      "function public.lone(integer, text)",
      "sequence public.lone_numbers",
    ])
      assert.ok(
        named.some((name) => name.startsWith(object.replace(", ", ",")) || name === object),
        `${object} of ${named.join("; ")}`,
      );
  });

  it("sends to a physical backup where the table of the change itself needs it", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE FUNCTION quiet(text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT true'",
      "ALTER TABLE deals ADD CHECK (quiet(name))",
    );
    const { blockers } = await restoreProof.observe(wish(), deps);
    assert.match(
      blockers.join(),
      /The table of the change needs it, so it can't be left out: set backup\.method to physical/,
    );
    const named = await restoreProof.observe(wish("public.quiet"), deps);
    assert.match(
      named.blockers.join(),
      /expected public\.deals, the table of the change, in the restored copy, got it left out/,
    );
  });

  it("leaves out with a foreign table all that reads it: views, rules, functions, what stands on those", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE EXTENSION file_fdw",
      "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
      "CREATE FOREIGN TABLE feed (line text) SERVER files OPTIONS (filename '/no/such/file')",
      "CREATE VIEW feed_lines AS SELECT line FROM feed",
      "CREATE FUNCTION lines() RETURNS SETOF feed_lines LANGUAGE sql AS 'SELECT NULL::text'",
      "CREATE MATERIALIZED VIEW feed_count AS SELECT count(*) FROM feed_lines WITH NO DATA",
      "CREATE UNIQUE INDEX feed_count_index ON feed_count (count)",
      "CREATE RULE note AS ON DELETE TO deals DO ALSO SELECT count(*) FROM feed",
      "CREATE TABLE parts (day int, line text) PARTITION BY LIST (day)",
      "CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1)",
      "CREATE FOREIGN TABLE part_2 PARTITION OF parts FOR VALUES IN (2) SERVER files OPTIONS (filename '/no/such/file')",
      "INSERT INTO parts VALUES (1, 'here')",
    );
    const { rows, notProven } = await restoreProof.apply(wish(), deps);
    assert.equal(rows, 1001, "the local partition is proven");
    assert.deepEqual(notProven.map(({ object }) => object).sort(), [
      "foreign table public.feed",
      "foreign table public.part_2",
      "function public.lines()",
      "materialized view public.feed_count",
      "rule note on public.deals",
      "server files",
      "view public.feed_lines",
    ]);
  });
});

describe("proof of functions that lean on search_path", () => {
  const UNACCENT = "CREATE EXTENSION unaccent";

  const SURE: [string, string[], RegExp][] = [
    [
      "an index on a function in SQL",
      [
        "CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT unaccent($1)'",
        "CREATE INDEX deals_plain ON deals (plain(name))",
      ],
      /got .*function public\.plain\(text\), which a restore runs for index public\.deals_plain, got function unaccent without a schema\. ALTER FUNCTION public\.plain\(text\) SET search_path = "public", pg_temp; or leave it out/,
    ],
    [
      "a generated column on a function in PL/pgSQL",
      [
        "CREATE FUNCTION plain(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN unaccent($1); END'",
        "ALTER TABLE deals ADD plain text GENERATED ALWAYS AS (plain(name)) STORED",
      ],
      /function public\.plain\(text\), which a restore runs for default value for public\.deals\.plain, got function unaccent/,
    ],
    [
      "a CHECK on a function that calls another one by its full name",
      [
        "CREATE FUNCTION inner_name(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT unaccent($1)'",
        "CREATE FUNCTION is_plain(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT public.inner_name($1) IS NOT NULL'",
        "ALTER TABLE deals ADD CHECK (is_plain(name))",
      ],
      /function public\.inner_name\(text\), which a restore runs for table constraint deals_name_check on public\.deals, got function unaccent/,
    ],
    [
      "a materialised view on a function that reads a table",
      [
        "CREATE FUNCTION deal_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM deals'",
        "CREATE MATERIALIZED VIEW counted AS SELECT deal_count()",
      ],
      /function public\.deal_count\(\), which a restore runs for materialized view public\.counted, got relation deals/,
    ],
  ];
  for (const [what, statements, expected] of SURE) {
    it(`names the function before the backup: ${what}`, async () => {
      const url = await createDealsDatabase();
      await runSql(url, UNACCENT, ...statements);
      const { blockers } = await restoreProof.observe(proofSpec(backupSpec().url), makeDeps(url));
      assert.match(blockers.join("\n"), new RegExp(expected.source.replace(/^got \.\*/, "")));
    });
  }

  it("proves it once the function says where it looks", async () => {
    const { url, wish, deps } = await takeBackup(
      UNACCENT,
      "CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS 'SELECT unaccent($1)'",
      "ALTER TABLE deals ADD plain text GENERATED ALWAYS AS (plain(name)) STORED",
    );
    assert.deepEqual((await restoreProof.observe(wish(), makeDeps(url))).blockers, []);
    assert.equal((await restoreProof.apply(wish(), deps)).rows, 1000);
  });

  it("calls it a risk where it depends on the way through the function, and where it can't be read", async () => {
    const url = await createDealsDatabase();
    await runSql(
      url,
      UNACCENT,
      "CREATE FUNCTION maybe(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF $1 IS NULL THEN RETURN unaccent($1); END IF; RETURN lower($1); END'",
      "CREATE INDEX deals_maybe ON deals (maybe(name))",
    );
    const { blockers, plan } = await restoreProof.observe(proofSpec(backupSpec().url), makeDeps(url));
    assert.deepEqual(blockers, []);
    assert.match(
      plan.join("\n"),
      /may fail in the restore, which has no search_path: function public\.maybe\(text\)/,
    );
  });

  it("names function and remedy when only the restore can tell, without a row, and proves the rest without the index", async () => {
    const { wish, deps } = await takeBackup(
      UNACCENT,
      "CREATE FUNCTION built(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE r text; BEGIN EXECUTE 'SELECT unaccent($1)' INTO r USING $1; RETURN r; END $$",
      "CREATE INDEX deals_built ON deals (built(name))",
    );
    const refused = await refusal(restoreProof.apply(wish(), deps));
    assert.match(
      refused,
      /restore index public\.deals_built, got 42883: function unaccent\(text\) does not exist\./,
    );
    assert.match(refused, /ALTER FUNCTION public\.built SET search_path/);
    assert.match(refused, /leaveOut\.objects\[0\]' 'index public\.deals_built'/);
    assert.doesNotMatch(refused, /Take a new backup|Übernahme/);
    const { rows, notProven } = await restoreProof.apply(wish("public.deals_built"), deps);
    assert.equal(rows, 1000);
    assert.deepEqual(notProven, [
      { object: "index public.deals_built", reason: "named in backup.proof.leaveOut.objects" },
    ]);
  });

  it("says of rows that their own constraint refuses what to do, without their content", async () => {
    const { wish, deps } = await takeBackup(
      "CREATE FUNCTION fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
      "CREATE TABLE letters (body text CONSTRAINT fine_body CHECK (fine(body)))",
      "INSERT INTO letters VALUES ('canary-row')",
      "CREATE OR REPLACE FUNCTION fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false'",
    );
    const refused = await refusal(restoreProof.apply(wish(), deps));
    assert.match(
      refused,
      /restore table public\.letters, got 23514: .*"fine_body"\. The database itself holds rows that its own constraint refuses/,
    );
    assert.doesNotMatch(refused, /canary-row|Take a new backup/);
  });
});
