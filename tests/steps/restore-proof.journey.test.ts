import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { StepError } from "../../errors/step-error.ts";
import { type Entry, evidenceOf } from "../../ledger/entries.ts";
import { backup } from "../../steps/backup.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  backupSpec,
  createDealsDatabase,
  createOddDatabase,
  folderOf,
  manifestOf,
  proofSpec,
  reseal,
} from "./backup-fixture.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";

/** The data file of the table with the most rows. */
function largestData(path: string): string {
  const names = readdirSync(join(path, "dump")).filter((name) => name.endsWith(".dat.gz"));
  const size = (name: string) => readFileSync(join(path, "dump", name)).length;
  return join(path, "dump", names.sort((a, b) => size(b) - size(a))[0] ?? "");
}

const editData = (file: string, edit: (text: string) => string) =>
  writeFileSync(file, gzipSync(edit(gunzipSync(readFileSync(file)).toString())));

describe("restore proof", () => {
  let odd: string;
  let original: string;
  before(async () => {
    odd = await createOddDatabase();
    original = (await backup.apply(backupSpec(), makeDeps(odd))).path;
  });

  /** A copy of the original backup in a folder of its own, to be damaged. */
  function copyBackup(): { path: string; spec: ReturnType<typeof proofSpec> } {
    const folder = temporaryFolder();
    const path = join(folder, basename(original));
    cpSync(original, path, { recursive: true });
    return { path, spec: proofSpec(`file:${folder}`) };
  }

  async function refusal(
    spec: ReturnType<typeof proofSpec>,
    expected: RegExp,
    deps = makeDeps(odd),
  ): Promise<void> {
    const error = await restoreProof.apply(spec, deps).then(
      () => assert.fail("expected a refusal"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof StepError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, expected);
    assert.match(error.message, /Take a new backup\.$/);
  }

  it("proves a sound backup: restored by an ordinary role, every table, sequence and large object equal", async () => {
    const { spec, path } = copyBackup();
    // A folder of its own, which the server's user may search: what is left in it is left by this proof.
    const scratch = temporaryFolder();
    chmodSync(scratch, 0o711);
    const usual = process.env.TMPDIR;
    process.env.TMPDIR = scratch;
    assert.match(
      (await restoreProof.observe(spec, makeDeps(odd))).drift[0]?.observed ?? "",
      /is not proven$/,
    );
    const result = await restoreProof.apply(spec, makeDeps(odd)).finally(() => {
      if (usual === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = usual;
    });
    assert.deepEqual([result.tables, result.rows], [5, 1012]);
    assert.equal(basename(result.path), basename(path));
    assert.match(result.limits.join("\n"), /not compared, refreshed by the restore: public\.summary/);
    assert.deepEqual((await restoreProof.observe(spec, makeDeps(odd))).drift, []);
    const left = readdirSync(scratch).filter((name) => !name.startsWith("rollout-preflight-"));
    assert.deepEqual(left, [], "the throwaway server is gone");
  });

  it("proves a backup after the original went on, and one with row security, roles, views and triggers", async () => {
    const url = await createDealsDatabase();
    await runSql(
      url,
      "CREATE ROLE analyst",
      "GRANT SELECT ON deals TO analyst",
      "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO analyst",
      "ALTER TABLE deals ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE deals FORCE ROW LEVEL SECURITY",
      "CREATE POLICY own ON deals TO analyst USING (id > 10)",
      "CREATE VIEW open_deals AS SELECT * FROM deals",
      "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
      "CREATE TRIGGER stamp BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION stamp()",
      "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
      "CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()",
      "CREATE PUBLICATION everything FOR ALL TABLES",
      "COMMENT ON EXTENSION plpgsql IS 'ours'",
      "CREATE TABLE inherits_from (extra int) ",
      "CREATE TABLE heir (own int) INHERITS (inherits_from)",
      "ALTER TABLE inherits_from ADD late int DEFAULT 7",
      "INSERT INTO heir VALUES (1, 2, 3)",
    );
    const spec = backupSpec();
    await backup.apply(spec, makeDeps(url));
    await runSql(url, "DELETE FROM deals WHERE id < 100");
    const result = await restoreProof.apply(proofSpec(spec.url), makeDeps(url));
    assert.equal(result.rows, 1001);
    assert.match(
      result.limits.join("\n"),
      /not restored: event trigger on_ddl \(only a superuser can make it/,
    );
  });

  it("proves a backup with foreign tables, which it names and does not read", async () => {
    const url = await createDealsDatabase();
    await runSql(
      url,
      "CREATE EXTENSION file_fdw",
      "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
      "CREATE FOREIGN TABLE feed (line text) SERVER files OPTIONS (filename '/no/such/file')",
    );
    const spec = backupSpec();
    const { path } = await backup.apply(spec, makeDeps(url));
    assert.deepEqual(manifestOf(path).foreignTables, ["public.feed"]);
    const { limits } = await restoreProof.apply(proofSpec(spec.url), makeDeps(url));
    assert.match(limits.join("\n"), /public\.feed/);
  });

  const damages: [string, (path: string) => unknown, RegExp][] = [
    ["a missing file", (path) => rmSync(largestData(path)), /dump\/\d+\.dat\.gz is missing/],
    [
      "a truncated file",
      (path) => truncateSync(largestData(path), 100),
      /dump\/\d+\.dat\.gz has 100 bytes, not \d+/,
    ],
    [
      "a flipped bit",
      (path) => {
        const bytes = readFileSync(largestData(path));
        bytes[50] = (bytes[50] ?? 0) ^ 1;
        writeFileSync(largestData(path), bytes);
      },
      /dump\/\d+\.dat\.gz has SHA-256/,
    ],
    [
      "a file too many",
      (path) => writeFileSync(join(path, "dump", "evil.sql"), "x"),
      /dump\/evil\.sql is not in the manifest/,
    ],
    [
      "an edited manifest",
      (path) => appendFileSync(join(path, "manifest.json"), " "),
      /its manifest\.json was changed/,
    ],
    [
      "a missing manifest",
      (path) => rmSync(join(path, "manifest.json")),
      /its manifest\.json can't be read \(ENOENT\)/,
    ],
    [
      "files that lead out of the folder",
      (path) =>
        reseal(path, ({ files }) => {
          files.push({ path: "../../etc/passwd", bytes: 1, sha256: "0".repeat(64) });
        }),
      /is not one of version 1/,
    ],
    [
      "a row that was taken out, files and manifest resealed",
      (path) => {
        editData(largestData(path), (text) => text.replace(/^[^\n]*\n/, ""));
        return reseal(path);
      },
      /table public\.deals has 999 rows, not 1000/,
    ],
    [
      "a value that was changed, files and manifest resealed",
      (path) => {
        editData(largestData(path), (text) => text.replace("acquisition", "divestiture"));
        return reseal(path);
      },
      /table public\.deals has 1000 rows, but other contents/,
    ],
    [
      "an archive that is none, resealed",
      (path) => {
        writeFileSync(join(path, "dump", "toc.dat"), "no archive");
        return reseal(path);
      },
      /expected pg_restore to restore the backup, got pg_restore: did not find magic string/,
    ],
    [
      "a sequence that fell behind",
      (path) => reseal(path, ({ sequences }) => void Object.assign(sequences[0] ?? {}, { lastValue: "500" })),
      /sequence public\.invoice_number is at 110, behind 500/,
    ],
    [
      "another large object",
      (path) => reseal(path, ({ largeObjects }) => void Object.assign(largeObjects, { hashes: ["1", "2"] })),
      /1 large objects have other contents/,
    ],
  ];
  for (const [what, damage, expected] of damages) {
    it(`refuses a backup with ${what}`, async () => {
      const { spec, path } = copyBackup();
      await damage(path);
      await refusal(spec, expected);
    });
  }

  it("refuses a backup of another database, of one that was replaced, and one of another day", async () => {
    const other = await createDealsDatabase();
    const { spec } = copyBackup();
    await refusal(spec, /expected a backup of database t_\S+, got one of t_\S+\./, makeDeps(other));
    const { spec: replaced, path } = copyBackup();
    await reseal(path, ({ server }) => void Object.assign(server, { databaseOid: "1" }));
    await refusal(replaced, /got one of another database of that name \(system \d+, oid 1\)/);
    const tomorrow = makeDeps(odd, { now: () => new Date(Date.now() + 25 * 3600_000) });
    await refusal(spec, /expected a backup of the last 24 hours, got one of /, tomorrow);
    await refusal(
      proofSpec(`file:${temporaryFolder()}`),
      /expected a backup of test\/pre-flight\/backup in \S+, got none/,
    );
  });

  it("does not take the proof of one backup for that of another", async () => {
    const { spec, path } = copyBackup();
    writeFileSync(
      join(path, "proof.json"),
      JSON.stringify({ provenAt: "2026-01-01T00:00:00Z", sha256: "0".repeat(64) }),
    );
    assert.match(
      (await restoreProof.observe(spec, makeDeps(odd))).drift[0]?.observed ?? "",
      /is not proven$/,
    );
  });

  const tomorrow = () => new Date(Date.now() + 25 * 3600_000);

  it("shows no drift however old a proven backup gets, and proves it again at any age within its attempt", async () => {
    const { spec } = copyBackup();
    const { sha256 } = await restoreProof.apply(spec, makeDeps(odd));
    const done = { "pre-flight/restore-proof": { state: "half-done", result: { sha256 } } };
    const entries = () => new Map(Object.entries(done)) as unknown as Map<string, Entry>;
    const evidence = { ...evidenceOf([]), entries };
    const later = makeDeps(odd, { now: tomorrow, evidence });
    assert.deepEqual((await restoreProof.observe(spec, later)).drift, []);
    assert.deepEqual((await backup.observe(backupSpec(folderOf(spec)), later)).drift, []);
    assert.equal((await restoreProof.apply(spec, later)).sha256, sha256);
  });

  it("has a backup that nobody proved in time taken anew, instead of refusing it for ever", async () => {
    const { spec } = copyBackup();
    const taking = backupSpec(folderOf(spec));
    assert.deepEqual((await backup.observe(taking, makeDeps(odd))).drift, []);
    const { drift } = await backup.observe(taking, makeDeps(odd, { now: tomorrow }));
    assert.match(drift[0]?.expected ?? "", /a backup that was proven, or is no older than 24 hours/);
  });

  it("is drift when the backup that it proved was replaced by another", async () => {
    const { spec } = copyBackup();
    await restoreProof.apply(spec, makeDeps(odd));
    await backup.apply({ ...backupSpec(folderOf(spec)), generation: 2 }, makeDeps(odd));
    assert.match(
      (await restoreProof.observe(spec, makeDeps(odd))).drift[0]?.observed ?? "",
      /is not proven$/,
    );
  });
});
