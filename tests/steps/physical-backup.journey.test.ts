import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { listFiles } from "../../postgres/backup/dump-files.ts";
import { findProgram } from "../../postgres/programs.ts";
import { realWorld } from "../../steps/backup/backup-readiness.ts";
import { backup, createBackup } from "../../steps/backup.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backupSpec, folderOf, manifestOf, namesIn, proofSpec } from "./backup-fixture.ts";
import { PhysicalServer, physicalSpec } from "./physical-fixture.ts";
import { asRole, makeDeps, runSql } from "./preflight-deps.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Writers that commit as fast as they can, each by its own kind of transaction, until told to stop. */
function startWriters(url: string): () => Promise<number> {
  let on = true;
  let commits = 0;
  const work = [
    "INSERT INTO deals (id, name) SELECT coalesce(max(id), 0) + 1, 'late' FROM deals",
    "UPDATE deals SET name = name || '.' WHERE id % 97 = 3",
    "SET synchronous_commit = off; DELETE FROM deals WHERE id = (SELECT min(id) FROM deals)",
    "INSERT INTO part_1 SELECT 1, 1; SELECT nextval('invoice_number')",
  ];
  const writers = work.map(async (sql) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (; on; commits += 1) await client.query(sql);
    await client.end();
  });
  return async () => {
    on = false;
    await Promise.all(writers);
    return commits;
  };
}

describe("physical backup", function () {
  this.timeout(120_000);
  let server: PhysicalServer;
  before(async () => {
    server = await PhysicalServer.start({ max_prepared_transactions: "5" });
  });
  after(() => server.stop());

  it("holds files, log and manifest of the server, private and compressed, and lists them all", async () => {
    const { path, tables, rows } = await backup.apply(physicalSpec(), makeDeps(server.url));
    const files = await listFiles(path);
    assert.deepEqual(
      files
        .map((name) => name.replace(/[0-9A-F]{24}/, "SEGMENT"))
        .filter((name, at, all) => all.indexOf(name) === at),
      ["base/backup_manifest", "base/base.tar.zst", "manifest.json", "wal/SEGMENT.zst"],
    );
    for (const file of files) assert.equal(statSync(join(path, file)).mode & 0o777, 0o600, file);
    const manifest = manifestOf(path);
    assert.deepEqual([tables, rows], [5, 1012]);
    assert.ok(manifest.dump.format === "base");
    assert.deepEqual(manifest.dump.databases, ["diligence", "other", "postgres"]);
    assert.deepEqual(
      manifest.files.map((file) => file.path),
      files.filter((name) => name !== "manifest.json"),
    );
  });

  it("is recovered to just the rows of its sums while others commit without a pause", async () => {
    const spec = physicalSpec();
    const stop = startWriters(server.url);
    const deps = makeDeps(server.url);
    try {
      await backup.apply(spec, deps);
    } finally {
      assert.ok((await stop()) > 100);
    }
    const { dump } = manifestOf(join(folderOf(spec), namesIn(folderOf(spec))[0] ?? ""));
    assert.ok(dump.format === "base" && dump.recoverTo !== null);
    const proof = await restoreProof.apply(proofSpec(spec.url), deps);
    const [now] = await runSql(server.url, "SELECT count(*)::int AS rows FROM deals");
    assert.ok(proof.rows > 0 && now);
    assert.match(proof.limits.join("\n"), /not row by row: databases other, postgres/);
  });

  it("keeps a transaction that was prepared and not yet decided out of its rows", async () => {
    const spec = physicalSpec();
    await runSql(server.url, "BEGIN", "INSERT INTO part_2 VALUES (99, 2)", "PREPARE TRANSACTION 'undecided'");
    try {
      await backup.apply(spec, makeDeps(server.url));
      await restoreProof.apply(proofSpec(spec.url), makeDeps(server.url));
    } finally {
      await runSql(server.url, "ROLLBACK PREPARED 'undecided'");
    }
  });

  it("is taken by an ordinary role with REPLICATION, and refused to one without, with the remedy", async () => {
    await runSql(
      server.url,
      "CREATE ROLE keeper LOGIN PASSWORD 'keeper'",
      "GRANT pg_read_all_data TO keeper",
      "DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO keeper', o); END LOOP; END $$",
    );
    const deps = makeDeps(asRole(server.url, "keeper", "keeper"));
    const spec = physicalSpec();
    const [blocker, ...more] = (await backup.observe(spec, deps)).blockers;
    assert.match(
      blocker ?? "",
      /^backup: expected a role with REPLICATION, got role keeper without it\. As a superuser: ALTER ROLE "keeper" REPLICATION/,
    );
    assert.deepEqual(more, []);
    await assert.rejects(backup.apply(spec, deps), { name: "StepError", message: blocker as string });
    assert.deepEqual(namesIn(folderOf(spec)), []);
    await runSql(server.url, "ALTER ROLE keeper REPLICATION");
    await backup.apply(spec, deps);
    await restoreProof.apply(proofSpec(spec.url), deps);
  });

  it("is refused where recovery would lose rows or files lie elsewhere, by name", async () => {
    const folder = temporaryFolder("space");
    const { uid, gid } = statSync(join(server.cluster.directory, "data"));
    chownSync(folder, uid, gid);
    await runSql(
      server.url,
      "CREATE UNLOGGED TABLE passing (id int)",
      `CREATE TABLESPACE elsewhere LOCATION '${folder}'`,
    );
    const { blockers } = await backup.observe(physicalSpec(), makeDeps(server.url));
    await runSql(server.url, "DROP TABLE passing", "DROP TABLESPACE elsewhere");
    assert.equal(blockers.length, 2, blockers.join("\n"));
    assert.match(blockers.join("\n"), /expected all files in the data directory, got tablespaces elsewhere/);
    assert.match(blockers.join("\n"), /expected logged tables only, got unlogged public\.passing/);
  });

  it("is refused with programs of another version than the server's, and without zstd", async () => {
    const fake = join(temporaryFolder(), "pg_basebackup");
    writeFileSync(fake, '#!/bin/sh\necho "pg_basebackup (PostgreSQL) 18.1"\n', { mode: 0o755 });
    const newer = createBackup({
      ...realWorld,
      findProgram: (name) => (name === "pg_basebackup" ? fake : findProgram(name)),
    });
    const version = await newer.observe(physicalSpec(), makeDeps(server.url));
    assert.match(
      version.blockers.join(),
      /expected pg_basebackup \d+, as the server, got 18\.1 .*apt-get install postgresql-\d+\)/,
    );
    const bare = createBackup({ ...realWorld, findTool: () => undefined });
    const tools = await bare.observe(physicalSpec(), makeDeps(server.url));
    assert.match(
      tools.blockers.join(),
      /expected the program zstd .*apt-get install zstd\), or set backup\.method/,
    );
  });

  it("is refused for want of room for all databases of the server, before anything is written", async () => {
    const small = createBackup({ ...realWorld, freeBytes: async () => 1024 * 1024 });
    const spec = physicalSpec();
    await assert.rejects(small.apply(spec, makeDeps(server.url)), /expected room for up to [\d.]+ MiB/);
    assert.deepEqual(namesIn(folderOf(spec)), []);
  });

  it("says in preview what it does to the server, and takes a new one when the method changes", async () => {
    const spec = physicalSpec();
    const { plan, blockers } = await backup.observe(spec, makeDeps(server.url));
    assert.deepEqual(blockers, []);
    assert.match(
      plan.join(),
      /^copy the files of the whole server, all of its databases, up to .*a checkpoint at once/,
    );
    const first = await backup.apply(spec, makeDeps(server.url));
    assert.deepEqual(await backup.apply(spec, makeDeps(server.url)), first, "reused");
    assert.deepEqual((await backup.observe(spec, makeDeps(server.url))).drift, []);
    const logical = backupSpec(folderOf(spec));
    assert.equal((await backup.observe(logical, makeDeps(server.url))).drift[0]?.observed, "none");
    assert.notEqual((await backup.apply(logical, makeDeps(server.url))).path, first.path);
  });

  it("leaves no process, no connection and no final name when it is killed, and the next run cleans up", async () => {
    const spec = {
      ...physicalSpec(),
      identity: { ...physicalSpec().identity, evidenceUrl: `file:${temporaryFolder()}/e` },
    };
    const programs = temporaryFolder();
    // As the real one, but it never ends.
    const script = `#!/bin/sh\n[ "$1" = --version ] && exec ${findProgram("pg_basebackup")} --version\nexec sleep 600\n`;
    for (const name of ["pg_receivewal", "pg_waldump", "pg_verifybackup", "postgres", "pg_dump"]) {
      writeFileSync(join(programs, name), `#!/bin/sh\nexec ${findProgram(name)} "$@"\n`, { mode: 0o755 });
    }
    writeFileSync(join(programs, "pg_basebackup"), script, { mode: 0o755 });
    const step = spawn(process.execPath, ["bin/step.mjs", "backup", "apply"], {
      cwd: root,
      env: { ...process.env, ROLLOUT_POSTGRES_BIN: programs, ROLLOUT_DATABASE_URL: server.url },
      stdio: ["pipe", "ignore", "pipe"],
    });
    step.stdin.end(JSON.stringify(spec));
    for await (const data of step.stderr) if (/copying the files/.test(String(data))) break;
    step.kill("SIGKILL");
    await once(step, "exit");
    const senders = async () => {
      const [found] = await runSql(server.url, "SELECT count(*)::int AS n FROM pg_stat_get_wal_senders()");
      return found?.rows[0].n as number;
    };
    while ((await senders()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(namesIn(folderOf(spec)).join(), /^\.partial-[0-9a-f]{12}$/);
    const { path } = await backup.apply(spec, makeDeps(server.url));
    assert.deepEqual(
      namesIn(folderOf(spec)).map((name) => join(folderOf(spec), name)),
      [path],
    );
  });
});

describe("physical backup of a server that takes few replication connections", function () {
  this.timeout(60_000);

  it("is refused with the setting or the line of pg_hba.conf that is missing", async () => {
    const server = await PhysicalServer.start({ max_wal_senders: "1" });
    try {
      const few = await backup.observe(physicalSpec(), makeDeps(server.url));
      assert.match(
        few.blockers.join(),
        /expected 3 free connections for replication, got 0 of max_wal_senders = 1 in use/,
      );
      await runSql(server.url, "ALTER SYSTEM SET max_wal_senders = 10");
      const hba = join(server.cluster.directory, "data", "pg_hba.conf");
      writeFileSync(hba, "host all all 127.0.0.1/32 scram-sha-256\n");
      await server.restart();
      const closed = await backup.observe(physicalSpec(), makeDeps(server.url));
      assert.match(
        closed.blockers.join(),
        /expected the server to accept a replication connection, got no pg_hba\.conf entry .*host replication "rollout"/,
      );
    } finally {
      await server.stop();
    }
  });
});
