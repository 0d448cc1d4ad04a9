import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isBroken, readBackup, type StoredBackup } from "../../postgres/backup/dump-store.ts";
import { restoreCopy } from "../../postgres/backup/restored-copy.ts";
import { connect } from "../../postgres/connect.ts";
import { backup } from "../../steps/backup.ts";
import { rehearsal } from "../../steps/rehearsal.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { folderOf, namesIn, proofSpec, reseal } from "./backup-fixture.ts";
import { PhysicalServer, physicalSpec } from "./physical-fixture.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";
import { RolloutTarget } from "./rollout-target.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const archiveOf = (path: string) => join(path, "base", "base.tar.zst");

/** Unpacks the files, lets `edit` change them, and packs them again as the server had. */
function repack(path: string, edit: (data: string) => void): void {
  const data = temporaryFolder("repack");
  execFileSync("tar", ["-x", "-I", "zstd", "-C", data, "-f", archiveOf(path)]);
  edit(data);
  execFileSync("tar", ["-c", "-I", "zstd", "-C", data, "-f", archiveOf(path), ...readdirSync(data)]);
}

/** Flips a bit in the middle of the largest file of the copied tables. */
function damageTable(data: string): void {
  const list = execFileSync("find", [join(data, "base"), "-type", "f", "-size", "+60k"], {
    encoding: "utf8",
  });
  const file = list.trim().split("\n").at(-1) ?? "";
  const bytes = readFileSync(file);
  bytes[8192 + 4000] = (bytes[8192 + 4000] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Until the original's own worker has ended with its subscription. */
async function noWorker(url: string): Promise<void> {
  const workers =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'logical replication worker'";
  while ((await runSql(url, workers))[0]?.rows[0].n > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("restore proof of a physical backup", function () {
  this.timeout(120_000);
  let server: PhysicalServer;
  let original: string;
  let calls = 0;
  let settings: Record<string, string>;
  const listener = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });

  before(async () => {
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const note = join(temporaryFolder(), "archived");
    writeFileSync(note, "");
    chmodSync(note, 0o666);
    chmodSync(join(note, ".."), 0o777);
    // What must not be done by a copy: archive, follow a primary, load libraries.
    settings = {
      ...{ archive_mode: "on", archive_command: `pwd >> ${note}`, wal_level: "logical" },
      ...{ primary_conninfo: "host=127.0.0.1", shared_preload_libraries: "pg_stat_statements" },
    };
    server = await PhysicalServer.start(settings);
    const { port } = listener.address() as { port: number };
    await runSql(
      server.url,
      `CREATE SUBSCRIPTION calls CONNECTION 'host=127.0.0.1 port=${port}' PUBLICATION p
         WITH (connect = false, slot_name = 'calls')`,
      "ALTER SUBSCRIPTION calls ENABLE",
    );
    const spec = physicalSpec();
    original = (await backup.apply(spec, makeDeps(server.url))).path;
    await runSql(server.url, "ALTER SUBSCRIPTION calls DISABLE");
    settings.note = note;
  });
  after(async () => {
    listener.close();
    await server.stop();
  });

  function copyBackup() {
    const folder = temporaryFolder();
    const path = join(folder, basename(original));
    cpSync(original, path, { recursive: true });
    return { path, spec: proofSpec(`file:${folder}`) };
  }

  async function bootCopy(path: string) {
    const stored = (await readBackup(path)) as StoredBackup;
    assert.ok(!isBroken(stored));
    return restoreCopy({ backup: stored, jobs: 2, timeoutMs: 60_000, signal: new AbortController().signal });
  }

  it("reaches no archive, no primary and no publisher of the original, and lets none of its roles in", async () => {
    await noWorker(server.url);
    calls = 0;
    const { throwaway, restored } = await bootCopy(original);
    try {
      const admin = await connect(restored.adminUrl);
      const { rows } = await admin.query(
        `SELECT current_setting('archive_mode') AS archive, current_setting('primary_conninfo') AS "primary",
                current_setting('shared_preload_libraries') AS libraries, pg_is_in_recovery() AS recovery,
                current_setting('listen_addresses') AS listens,
                (SELECT count(*)::int FROM pg_subscription WHERE subenabled) AS subscriptions`,
      );
      await admin.query("SELECT pg_switch_wal()");
      await admin.query("CHECKPOINT");
      await admin.end();
      assert.deepEqual(rows, [
        {
          archive: "off",
          primary: "",
          libraries: "",
          recovery: false,
          listens: "127.0.0.1",
          subscriptions: 1,
        },
      ]);
      await runSql(server.url, "CREATE ROLE guest SUPERUSER LOGIN PASSWORD 'guest'");
      const guest = new URL(restored.url);
      Object.assign(guest, { username: "rollout_restorer", password: "guest" });
      await assert.rejects(connect(guest.href), /password/);
      await assert.rejects(
        connect(Object.assign(guest, { username: "guest" }).href),
        /refusal of role guest/,
      );
      const socket = `postgres://rollout@localhost:${throwaway.cluster.port}/postgres?host=${throwaway.cluster.directory}`;
      await assert.rejects(connect(socket), /refusal of role rollout/);
    } finally {
      await throwaway.remove();
    }
    assert.equal(calls, 0, "no worker of the copy has called the publisher");
    const archived = readFileSync(settings.note ?? "", "utf8")
      .trim()
      .split("\n");
    assert.deepEqual([...new Set(archived)], [join(server.cluster.directory, "data")]);
    assert.equal(existsSync(throwaway.cluster.directory), false);
  });

  const damages: [string, (path: string) => unknown, RegExp][] = [
    [
      "a flipped bit",
      (path) => {
        const bytes = readFileSync(archiveOf(path));
        bytes[5000] = (bytes[5000] ?? 0) ^ 1;
        writeFileSync(archiveOf(path), bytes);
      },
      /base\/base\.tar\.zst has SHA-256/,
    ],
    [
      "a truncated archive",
      (path) => truncateSync(archiveOf(path), 5000),
      /base\.tar\.zst has 5000 bytes, not \d+/,
    ],
    [
      "a truncated archive, resealed",
      (path) => {
        truncateSync(archiveOf(path), 50_000);
        return reseal(path);
      },
      /expected tar to unpack the files, got /,
    ],
    [
      "a changed page of a table, repacked and resealed",
      (path) => {
        repack(path, damageTable);
        return reseal(path);
      },
      /expected pg_verifybackup to find the files as they were copied, got .*checksum mismatch for file "base\//,
    ],
    [
      "a file that was taken out, repacked and resealed",
      (path) => {
        repack(path, (data) => rmSync(join(data, "global", "pg_filenode.map")));
        return reseal(path);
      },
      /pg_verifybackup .*"global\/pg_filenode\.map" is present in the manifest but not on disk/,
    ],
    [
      "a segment of the log that is missing, resealed",
      (path) => {
        for (const name of readdirSync(join(path, "wal")).slice(0, -1)) rmSync(join(path, "wal", name));
        return reseal(path);
      },
      /expected pg_verifybackup to find the files as they were copied, got .*WAL/s,
    ],
    [
      "a moment that its log does not come to",
      (path) =>
        reseal(path, ({ dump }) => {
          if (dump.format === "base") dump.recoverTo = "F/0";
        }),
      /expected the copied server to recover, got .*recovery ended before configured recovery target was reached/,
    ],
    [
      "sums of other rows",
      (path) => reseal(path, ({ tables }) => void Object.assign(tables[1] ?? {}, { hashes: ["1", "2"] })),
      /table public\.deals has 1000 rows, but other contents/,
    ],
    [
      "the files of a server of another version",
      (path) => reseal(path, ({ server }) => void Object.assign(server, { versionNumber: 180_001 })),
      /expected PostgreSQL 18, as the copied server, got \d+\.\d+ .*apt-get install postgresql-18\)/,
    ],
  ];
  for (const [what, damage, expected] of damages) {
    it(`refuses a backup with ${what}`, async () => {
      const { spec, path } = copyBackup();
      await damage(path);
      await assert.rejects(restoreProof.apply(spec, makeDeps(server.url)), {
        name: "StepError",
        message: expected,
      });
    });
  }

  it("refuses a backup of another database of the server, of another server and of another day", async () => {
    const { spec } = copyBackup();
    const other = restoreProof.apply(spec, makeDeps(server.cluster.url("other")));
    await assert.rejects(other, /expected a backup of database other, got one of diligence/);
    const { spec: foreign, path } = copyBackup();
    await reseal(path, (manifest) => void Object.assign(manifest.server, { systemIdentifier: "1" }));
    await assert.rejects(restoreProof.apply(foreign, makeDeps(server.url)), /\(system 1, oid \d+\)/);
    const tomorrow = makeDeps(server.url, { now: () => new Date(Date.now() + 25 * 3600_000) });
    await assert.rejects(restoreProof.apply(spec, tomorrow), /expected a backup of the last 24 hours/);
  });

  it("leaves no process and no file of the copy when it is killed, at whatever moment", async () => {
    const scratch = temporaryFolder();
    chmodSync(scratch, 0o711);
    const { spec } = copyBackup();
    const identity = { ...spec.identity, evidenceUrl: `file:${temporaryFolder()}/e` };
    const made = () => readdirSync(scratch).filter((name) => name.startsWith("rollout-throwaway-"));
    const moments = ["data/base", "data/recovery.signal", "data/postmaster.pid"];
    for (const moment of moments) {
      const step = spawn(process.execPath, ["bin/step.mjs", "restore-proof", "apply"], {
        cwd: root,
        env: { ...process.env, TMPDIR: scratch, ROLLOUT_DATABASE_URL: server.url },
        stdio: ["pipe", "ignore", "ignore"],
      });
      step.stdin.end(JSON.stringify({ ...spec, identity }));
      while (!made().some((name) => existsSync(join(scratch, name, moment))) && step.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 2));
      step.kill("SIGKILL");
      const [, signal] = await once(step, "exit");
      assert.equal(signal, "SIGKILL", moment);
      while (made().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it("is what a rehearsal goes forward, back and forward again on", async () => {
    const target = await RolloutTarget.make();
    try {
      const spec = physicalSpec();
      await backup.apply(spec, target.deps());
      await restoreProof.apply(proofSpec(spec.url), target.deps());
      const of = { phase: "pre-flight", step: "backup", proof: "restore-proof" };
      const result = await rehearsal.apply({ ...target.spec(), url: spec.url, jobs: 2, of }, target.deps());
      assert.deepEqual([result.rows, result.changedRows, result.parts.length], [40, 25, 12]);
      assert.ok(result.trials.includes("insert as rollout_test_app"));
      assert.equal(namesIn(folderOf(spec)).length, 1);
    } finally {
      await target.dispose();
    }
  });
});
