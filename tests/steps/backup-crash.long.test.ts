import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { listFiles } from "../../postgres/backup/dump-files.ts";
import { backup, createBackup } from "../../steps/backup.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backupSpec, createDealsDatabase, folderOf, namesIn, scriptedDump } from "./backup-fixture.ts";
import { asRole, makeDeps, runSql } from "./preflight-deps.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A pg_dump that writes a part, notes its process and then hangs. */
const HANGING = (note: string) =>
  `for a; do case "$a" in --file=*) mkdir -p "\${a#--file=}"; echo half > "\${a#--file=}/toc.dat";; esac; done
   echo $$ > ${note}; exec sleep 600`;

async function until<T>(probe: () => T | undefined): Promise<T> {
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const pidIn = (note: string) => () => (existsSync(note) && Number(readFileSync(note, "utf8"))) || undefined;
const isGone = (pid: number) => () => {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : undefined;
  return stat === undefined || stat.includes(") Z") ? true : undefined;
};

describe("backup that is interrupted", () => {
  it("ends its dump and leaves nothing behind when it is cancelled", async () => {
    const note = join(temporaryFolder(), "pid");
    const cancel = new AbortController();
    const spec = backupSpec();
    const deps = makeDeps(await createDealsDatabase(), { signal: cancel.signal });
    const work = createBackup(scriptedDump(HANGING(note))).apply(spec, deps);
    work.catch(() => undefined);
    const pid = await until(pidIn(note));
    cancel.abort(new Error("cancelled by SIGINT"));
    await assert.rejects(work, /cancelled by SIGINT/);
    await until(isGone(pid));
    assert.deepEqual(namesIn(folderOf(spec)), []);
  });

  it("leaves no process and no final name when it dies by SIGKILL, and the next run cleans up", async () => {
    const url = await createDealsDatabase();
    const note = join(temporaryFolder(), "pid");
    const programs = temporaryFolder();
    const world = scriptedDump(HANGING(note));
    writeFileSync(join(programs, "pg_dump"), readFileSync(world.findProgram("pg_dump")), { mode: 0o755 });
    const spec = {
      ...backupSpec(),
      identity: { ...backupSpec().identity, evidenceUrl: `file:${programs}/evidence` },
    };
    const environment = { ...process.env, ROLLOUT_POSTGRES_BIN: programs, ROLLOUT_DATABASE_URL: url };
    const argv = ["bin/step.mjs", "backup", "apply"];
    const step = spawn(process.execPath, argv, {
      cwd: root,
      env: environment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    step.stdin.end(JSON.stringify(spec));
    const pid = await until(pidIn(note));
    step.kill("SIGKILL");
    await once(step, "exit");
    await until(isGone(pid));
    assert.match(namesIn(folderOf(spec)).join(), /^\.partial-[0-9a-f]{12}$/);
    const deps = makeDeps(url);
    const { path } = await backup.apply(spec, deps);
    assert.match(deps.lines.join("\n"), /removed \.partial-[0-9a-f]{12}, left by a run that died/);
    assert.deepEqual(
      namesIn(folderOf(spec)).map((name) => join(folderOf(spec), name)),
      [path],
    );
  });

  it("says so when the disk runs full in the middle, and leaves nothing behind", async function () {
    const disk = temporaryFolder();
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      // A tiny disk takes the right to mount; elsewhere the scripted failure in backup.test.ts stands in for it.
      this.skip();
    }
    try {
      const url = await createDealsDatabase();
      await runSql(
        url,
        "UPDATE deals SET name = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 60 + 0 * id::int))",
      );
      const spec = backupSpec(join(disk, "backups"));
      const hopeful = scriptedDump('exec "$REAL" "$@"', { freeBytes: async () => 1e12 });
      await assert.rejects(
        createBackup(hopeful).apply(spec, makeDeps(url)),
        /got a full disk\. Free space or point/,
      );
      assert.deepEqual(namesIn(folderOf(spec)), []);
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});

describe("backup and the password", () => {
  it("shows it in no argument list, file, log line or result", async () => {
    const url = await createDealsDatabase();
    const canary = "canary-5f0e9c";
    await runSql(url, `CREATE ROLE dumper LOGIN PASSWORD '${canary}'`, "GRANT pg_read_all_data TO dumper");
    const seen = join(temporaryFolder(), "seen");
    mkdirSync(seen);
    // While the dump runs: the argument lists of all processes, its own, its parents' and pg_dump's workers' included.
    const watch = `( for i in 1 2 3 4 5; do cat /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.02; done | tr '\\0' ' ' > ${seen}/argv ) &
      "$REAL" "$@"; code=$?; wait; exit $code`;
    const deps = makeDeps(asRole(url, "dumper", canary));
    const result = await createBackup(scriptedDump(watch)).apply(backupSpec(), deps);
    const argv = readFileSync(join(seen, "argv"), "utf8");
    assert.match(argv, /--format=directory/, "the dump was being watched");
    assert.doesNotMatch(argv, new RegExp(canary));
    assert.doesNotMatch(JSON.stringify(result) + deps.lines.join("\n"), new RegExp(canary));
    for (const path of await listFiles(result.path)) {
      const content = readFileSync(join(result.path, path));
      const text = path.endsWith(".gz") ? gunzipSync(content) : content;
      assert.ok(!text.includes(canary), path);
    }
  });
});
