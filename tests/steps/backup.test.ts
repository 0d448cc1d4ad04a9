import assert from "node:assert/strict";
import { appendFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import { isBroken, readBackup } from "../../postgres/backup/dump-store.ts";
import { compareContents } from "../../postgres/backup/dump-verify.ts";
import { findProgram } from "../../postgres/programs.ts";
import { realWorld } from "../../steps/backup/backup-readiness.ts";
import { backup, createBackup } from "../../steps/backup.ts";
import {
  backupSpec,
  createDealsDatabase,
  createOddDatabase,
  dumpText,
  folderOf,
  manifestOf,
  namesIn,
  scriptedDump,
} from "./backup-fixture.ts";
import { asRole, makeDeps, runSql } from "./preflight-deps.ts";

async function refusal(work: Promise<unknown>, expected: RegExp): Promise<string> {
  const error = await work.then(
    () => assert.fail("expected a refusal"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StepError, error instanceof Error ? error.stack : String(error));
  assert.match(error.message, expected);
  return error.message;
}

describe("backup", () => {
  let odd: string;
  before(async () => {
    odd = await createOddDatabase();
  });

  it("lists in its manifest every table, sequence and large object of the snapshot, whatever their names", async () => {
    const spec = backupSpec();
    const result = await backup.apply(spec, makeDeps(odd));
    const manifest = manifestOf(result.path);
    const rows = Object.fromEntries(
      manifest.tables.map((table) => [`${table.schema}/${table.name}`, table.rows]),
    );
    assert.deepEqual(rows, {
      'Odd schema/a "quoted" table': 1,
      "public/deals": 1000,
      "public/no_columns": 1,
      "public/part_1": 5,
      "public/part_2": 5,
    });
    assert.deepEqual([result.tables, result.rows, result.provenAt], [5, 1012, null]);
    const [sequence] = manifest.sequences;
    assert.deepEqual(sequence, {
      schema: "public",
      name: "invoice_number",
      increment: "5",
      lastValue: "110",
      isCalled: true,
    });
    assert.equal(manifest.largeObjects.count, 1);
    assert.deepEqual(manifest.materialisedViews, ["public.summary"]);
    assert.deepEqual(
      manifest.extensions.map(({ name }) => name),
      ["pg_trgm"],
    );
    assert.match(manifest.server.systemIdentifier ?? "", /^\d+$/);
    assert.equal(manifest.globalsMissing, null);
  });

  it("is private, vouches for every byte, and its name for the manifest", async () => {
    const result = await backup.apply(backupSpec(), makeDeps(odd));
    for (const entry of readdirSync(result.path, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      assert.equal(mode, entry.isDirectory() ? 0o700 : 0o600, entry.name);
    }
    assert.equal(statSync(result.path).mode & 0o777, 0o700);
    const stored = await readBackup(result.path);
    assert.ok(!isBroken(stored));
    assert.equal(stored.sha256, result.sha256);
    assert.ok(result.path.endsWith(result.sha256.slice(0, 16)));
    assert.deepEqual(await compareContents(stored), []);
    const listed = stored.manifest.files.map(({ path }) => path);
    for (const path of ["catalogue.txt", "globals.sql", "dump/toc.dat"])
      assert.ok(listed.includes(path), path);
  });

  it("shows dump and sums of one moment while rows are written", async () => {
    const url = await createDealsDatabase();
    const calm = manifestOf((await backup.apply(backupSpec(), makeDeps(url))).path);
    const psql = `${findProgram("psql")} -qc "INSERT INTO deals SELECT n, 'late' FROM generate_series(5001, 5100) n"`;
    const busy = await createBackup(scriptedDump(`${psql} || exit 9\nexec "$REAL" "$@"`)).apply(
      backupSpec(),
      makeDeps(url),
    );
    assert.deepEqual(manifestOf(busy.path).tables, calm.tables);
    assert.doesNotMatch(dumpText(busy.path), /late/);
    const [count] = await runSql(url, "SELECT count(*)::int AS n FROM deals");
    assert.deepEqual(count?.rows, [{ n: 1100 }]);
  });

  it("reuses the whole backup of a run that broke off, and takes a new one for a new generation or attempt", async () => {
    const spec = backupSpec();
    const first = await backup.apply(spec, makeDeps(odd));
    assert.deepEqual(await backup.apply(spec, makeDeps(odd)), first);
    const repaired = await backup.apply({ ...spec, generation: 2 }, makeDeps(odd));
    assert.notEqual(repaired.path, first.path);
    const undone = await backup.undo(spec, makeDeps(odd), first);
    assert.equal(undone.summary, "kept 2 of its backups");
    assert.deepEqual(await backup.undo(spec, makeDeps(odd), first), {
      summary: "no backup of it to keep",
      kept: [],
    });
    assert.notEqual((await backup.apply(spec, makeDeps(odd))).path, first.path);
    assert.equal(namesIn(folderOf(spec)).length, 3);
    const stored = await readBackup(first.path);
    assert.ok(!isBroken(stored) && stored.released);
    assert.deepEqual(await compareContents(stored), []);
  });

  it("does not reuse a backup of another database or one that is over an hour old", async () => {
    const spec = backupSpec();
    const first = await backup.apply(spec, makeDeps(odd));
    const later = makeDeps(odd, { now: () => new Date(Date.now() + 2 * 3600_000) });
    assert.notEqual((await backup.apply(spec, later)).path, first.path);
    const other = await createDealsDatabase();
    assert.equal((await backup.apply(spec, makeDeps(other))).tables, 1);
  });

  it("shows a removed or shortened backup as drift, and does not reuse one with a flipped byte", async () => {
    const spec = backupSpec();
    const { path } = await backup.apply(spec, makeDeps(odd));
    const sound = await backup.observe(spec, makeDeps(odd));
    assert.deepEqual([sound.drift, sound.plan, sound.blockers], [[], [], []]);
    const data = join(
      path,
      "dump",
      readdirSync(join(path, "dump")).find((name) => name.endsWith(".dat.gz")) ?? "",
    );
    appendFileSync(data, "x");
    truncateSync(data, statSync(data).size - 2);
    const [drift] = (await backup.observe(spec, makeDeps(odd))).drift;
    assert.match(drift?.observed ?? "", /^dump\/\d+\.dat\.gz has \d+ bytes, not \d+$/);
    appendFileSync(data, "x");
    assert.deepEqual((await backup.observe(spec, makeDeps(odd))).drift, []);
    const deps = makeDeps(odd);
    assert.notEqual((await backup.apply(spec, deps)).path, path);
    assert.match(deps.lines.join("\n"), /is damaged \(dump\/\d+\.dat\.gz has SHA-256/);
    rmSync(folderOf(spec), { recursive: true });
    const gone = await backup.observe(spec, makeDeps(odd));
    assert.match(gone.drift[0]?.observed ?? "", /^none$/);
    assert.deepEqual(namesIn(folderOf(spec)), [], "observe makes nothing");
  });

  it("refuses a disk that is too small, saying what to free, before it writes anything", async () => {
    const spec = backupSpec();
    const small = createBackup({ ...realWorld, freeBytes: async () => 1024 * 1024 });
    const pattern =
      /expected room for up to [\d.]+ \w+ in \S+, got 1\.0 MiB free\. Free [\d.]+ \w+ on that disk/;
    assert.match((await small.observe(spec, makeDeps(odd))).blockers.join(), pattern);
    await refusal(small.apply(spec, makeDeps(odd)), pattern);
    assert.deepEqual(namesIn(folderOf(spec)), []);
  });

  it("refuses a pg_dump that is missing or older than the server", async () => {
    const missing = createBackup({ ...realWorld, findProgram: (name) => findProgram(`no-such-${name}`) });
    await refusal(
      missing.apply(backupSpec(), makeDeps(odd)),
      /expected the program no-such-pg_dump .* found none\. Install/,
    );
    const old = scriptedDump("");
    writeFileSync(old.findProgram("pg_dump"), '#!/bin/sh\necho "pg_dump (PostgreSQL) 11.2"\n');
    await refusal(
      createBackup(old).apply(backupSpec(), makeDeps(odd)),
      /expected pg_dump \d+ or newer, as the server, got 11\.2 at .*postgresql-client-\d+/,
    );
  });

  it("refuses stores that are not built, by name", async () => {
    await refusal(
      backup.apply({ ...backupSpec(), url: "s3://bucket" }, makeDeps(odd)),
      /got "s3"\. Other stores \(s3:\)/,
    );
  });

  it("refuses a role that may not read everything or from which row security hides rows", async () => {
    const url = await createDealsDatabase();
    await runSql(
      url,
      "CREATE TABLE secured (id int)",
      "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
      "CREATE ROLE backup_reader LOGIN PASSWORD 'backup_reader'",
      "GRANT SELECT ON secured TO backup_reader",
    );
    const deps = makeDeps(asRole(url, "backup_reader", "backup_reader"));
    const spec = backupSpec();
    const message = await refusal(
      backup.apply(spec, deps),
      /may not read public\.deals\. As a superuser: GRANT pg_read/,
    );
    assert.match(message, /row security hides rows of public\.secured .*BYPASSRLS/);
    await runSql(url, "GRANT pg_read_all_data TO backup_reader");
    await refusal(backup.apply(spec, deps), /^backup: .*row security hides rows of public\.secured/);
    await runSql(url, "ALTER ROLE backup_reader BYPASSRLS");
    assert.equal((await backup.apply(spec, deps)).tables, 2);
  });

  it("gives up on a table that stays locked, in time and by name, and leaves nothing behind", async () => {
    const url = await createDealsDatabase();
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE deals");
    const spec = { ...backupSpec(), lockWaitTimeoutMs: 200 };
    try {
      await refusal(
        backup.apply(spec, makeDeps(url)),
        /expected a shared lock .*\(public\.deals by process \d+\)/,
      );
    } finally {
      await holder.end();
    }
    assert.deepEqual(namesIn(folderOf(spec)), []);
  });

  const failures: [string, string, RegExp][] = [
    [
      "a full disk",
      "pg_dump: error: could not write to file: No space left on device",
      /got a full disk\. Free space/,
    ],
    [
      "row security",
      'pg_dump: error: query would be affected by row-level security policy for table "deals"',
      /row of deals to be visible/,
    ],
    [
      "lost rights",
      "pg_dump: error: query failed: ERROR:  permission denied for table deals",
      /permission denied for table deals\./,
    ],
    [
      "an unknown reason",
      "pg_dump: error: the moon is full",
      /expected pg_dump to succeed, got exit code 1: pg_dump: error: the moon/,
    ],
  ];
  for (const [what, words, expected] of failures) {
    it(`says so when pg_dump fails by ${what}, and no file carries a final name`, async () => {
      const spec = backupSpec();
      const script = `for a; do case "$a" in --file=*) mkdir -p "\${a#--file=}"; echo half > "\${a#--file=}/toc.dat";; esac; done
        echo '${words}' >&2; exit 1`;
      await refusal(createBackup(scriptedDump(script)).apply(spec, makeDeps(odd)), expected);
      assert.deepEqual(namesIn(folderOf(spec)), []);
    });
  }

  it("does not accept a dump that lacks a table or is of another database", async () => {
    const other = await createDealsDatabase();
    const name = new URL(other).pathname.slice(1);
    const lacking = createBackup(scriptedDump('exec "$REAL" "$@" --exclude-table-data=part_2'));
    await refusal(lacking.apply(backupSpec(), makeDeps(odd)), /it lacks the TABLE DATA of public\.part_2/);
    const foreign =
      scriptedDump(`for a; do shift; case "$a" in --snapshot=*) ;; *) set -- "$@" "$a";; esac; done
      PGDATABASE=${name} exec "$REAL" "$@"`);
    await refusal(
      createBackup(foreign).apply(backupSpec(), makeDeps(odd)),
      new RegExp(`it is of database ${name}, not `),
    );
  });
});
