import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { needsNoStack } from "../../bin/command-line.mjs";
import { findOnPath } from "../../bin/programs.mjs";
import { GENESIS, recordHash } from "../../ledger/record.ts";
import { makeKeys, provideAge } from "../age.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { archiveSpec, repack, runArchive } from "./archive-fixture.ts";
import { rolledOut } from "./rolled-out.ts";

const ROLLOUT = fileURLToPath(new URL("../../bin/rollout.mjs", import.meta.url));
const ROOT = "2025-02-03-deals.deal_type";

/** A folder that holds one program and nothing else. */
function onlyProgram(...names: string[]): string {
  const folder = temporaryFolder("path");
  for (const name of names) symlinkSync(findOnPath(name) ?? name, join(folder, name));
  return folder;
}

/** As on another machine: no home, no configuration, no Pulumi, no database; another folder. */
async function verify(path: string, environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [ROLLOUT, "verify", path], {
    ...{ cwd: temporaryFolder("elsewhere"), extendEnv: false, reject: false },
    env: { HOME: temporaryFolder("home"), PATH: onlyProgram("zstd"), ...environment },
  });
  return { exitCode, stdout, stderr, faults: stdout.split("\n").slice(1) };
}

describe("rollout verify <archive>", function () {
  this.timeout(120_000);
  let path: string;
  const { PATH } = process.env;
  after(() => {
    process.env.PATH = PATH;
  });
  before(async () => {
    path = (await runArchive(rolledOut())).path;
  });

  it("finds a copy whole on a machine without stack, configuration, database and Pulumi", async () => {
    const copy = join(temporaryFolder("copy"), "somewhere else.tar.zst");
    copyFileSync(path, copy);
    const { exitCode, stdout, stderr } = await verify(copy);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    for (const line of [
      /^archive: public\.deals\.deal_type on test, evidence from 2025-02-03T09:00:10\.000Z to /m,
      /^files: 33, each with the size and SHA-256 that the manifest lists$/m,
      /^evidence: 17 records, each hash and link right$/m,
      /^results: 5 computed again from the files, each as recorded$/m,
      /^SHA-256 of the archive \(.*\): [0-9a-f]{64}$/m,
    ])
      assert.match(stdout, line);
  });

  const edits: [string, Parameters<typeof repack>[1], RegExp[]][] = [
    [
      "one byte of a report was changed",
      (files) => files.get(`${ROOT}/reports/status.md`)?.write("X", 2),
      [/^reports\/status\.md: expected SHA-256 \w+… \(5 bytes\), got \w+… \(5 bytes\) \(changed\)$/m],
    ],
    [
      "a file was removed",
      (files) => files.delete(`${ROOT}/reports/status.md`),
      [/^reports\/status\.md: expected it, as the manifest lists it, got no such file \(removed\)$/m],
    ],
    [
      "a file was added",
      (files) => files.set(`${ROOT}/reports/extra.md`, Buffer.from("new")),
      [/^reports\/extra\.md: expected no file that the manifest does not list, got one \(added\)$/m],
    ],
    [
      "a file lies outside of its folder",
      (files) => files.set("../../etc/cron.d/x", Buffer.from("new")),
      [/^\.\.\/\.\.\/etc\/cron\.d\/x: expected files in one folder and nothing else, got a file \(added\)$/m],
    ],
    [
      "the manifest was removed",
      (files) => files.delete(`${ROOT}/manifest.json`),
      [/^manifest\.json: expected it, got no such file \(removed\)$/m],
    ],
    [
      "the manifest was written again in another form",
      (files) => files.set(`${ROOT}/manifest.json`, Buffer.from(`${files.get(`${ROOT}/manifest.json`)} `)),
      [/^manifest\.json: expected it in its canonical form/m],
    ],
    [
      "a record was changed",
      (files) => files.get(`${ROOT}/evidence/000012-restore-proof-end.json`)?.write("9", 40),
      [/^evidence\/000012-restore-proof-end\.json: .*\(changed\)$/m, /^evidence: expected /m],
    ],
    [
      "an artifact is another one than its name says",
      (files) => files.set(`${ROOT}/evidence/artifacts/000000000000-new.txt`, Buffer.from("new")),
      [/^evidence\/artifacts\/000000000000-new\.txt: expected the content that its name says by hash/m],
    ],
  ];
  for (const [what, change, said] of edits) {
    it(`refuses it, naming what is wrong, when ${what}`, async () => {
      const { exitCode, stdout } = await verify(await repack(path, change));
      assert.equal(exitCode, 1);
      assert.match(stdout, /^archive: NOT what it was, \d+ differences$/m);
      for (const line of said) assert.match(stdout, line);
    });
  }

  it("refuses recorded numbers that the files do not give, even in a manifest and a chain made to fit", async () => {
    const stack = rolledOut();
    const result = { total: 99, ran: 13, passed: 12, failed: 1, skipped: 0 };
    const json = stack.chain.records.flatMap((record) =>
      record.record === "end" && record.kind === "test-suite" ? [record.result?.report] : [],
    )[0] as { json: string };
    stack.run("validation", "test-suite", { result: { ...result, report: json } });
    const { exitCode, faults } = await verify((await runArchive(stack)).path);
    assert.deepEqual(
      [exitCode, faults],
      [1, ["record 19 (validation/test-suite): expected total tests 99, as recorded, got 13"]],
    );
  });

  it("refuses a chain whose first record is not the first", async () => {
    const copy = await repack(path, (files) => {
      const name = `${ROOT}/evidence/000001-guard-begin.json`;
      const record = JSON.parse(String(files.get(name)));
      const changed = { ...record, previous: GENESIS, by: { ...record.by, user: "mallory" } };
      files.set(name, Buffer.from(JSON.stringify({ ...changed, hash: recordHash(changed) })));
    });
    const { stdout } = await verify(copy);
    assert.match(stdout, /^evidence: expected previous \w+…, got \w+… in evidence\/000002-guard-end\.json/m);
  });

  it("refuses one that was cut off anywhere, naming the file in which", async () => {
    const large = await runArchive(rolledOut(50_000));
    for (const length of [0, 10, Math.floor(large.bytes / 2), large.bytes - 1]) {
      const copy = join(temporaryFolder("cut"), "cut.tar.zst");
      copyFileSync(large.path, copy);
      truncateSync(copy, length);
      const { exitCode, stdout } = await verify(copy);
      assert.equal(exitCode, 1, String(length));
      assert.match(
        stdout,
        /^packing: expected a whole archive, got one that breaks off (before its first file|in or after \S+): /m,
      );
    }
  });

  it("refuses one that breaks off within a snapshot, of which there is no sum then", async () => {
    const large = await repack(path, (files) => {
      files.set(`${ROOT}/evidence/snapshots/large.ndjson.gz`, randomBytes(8 << 20));
    });
    truncateSync(large, 6 << 20);
    const { exitCode, stdout } = await verify(large);
    assert.equal(exitCode, 1);
    assert.match(stdout, /breaks off in or after \S+\/evidence\/snapshots\/large\.ndjson\.gz: /);
  });

  it("refuses one in which any single bit of the packing was turned", async () => {
    const content = readFileSync(path);
    for (const at of [4, Math.floor(content.length / 3), content.length - 3]) {
      const copy = join(temporaryFolder("bit"), "bit.tar.zst");
      const turned = Buffer.from(content);
      turned[at] = (turned[at] ?? 0) ^ 1;
      writeFileSync(copy, turned);
      assert.equal((await verify(copy)).exitCode, 1, String(at));
    }
  });

  it("reads an encrypted one with the secret key, and says what is missing without", async () => {
    console.log(`      by ${provideAge()}`);
    const { recipient, file } = await makeKeys();
    const stack = rolledOut();
    const sealed = await runArchive(stack, archiveSpec(stack, { encryption: { recipients: [recipient] } }));
    const environment = { PATH: process.env.PATH ?? "" };
    const without = await verify(sealed.path, environment);
    assert.equal(without.exitCode, 1);
    assert.match(
      without.stderr,
      /expected the path of a file with a secret key of age in ROLLOUT_BACKUP_IDENTITY/,
    );
    const opened = await verify(sealed.path, { ...environment, ROLLOUT_BACKUP_IDENTITY: file });
    assert.equal(opened.exitCode, 0, opened.stdout);
  });

  it("says what is missing where there is no zstd, or no archive", async () => {
    assert.match(
      (await verify(path, { PATH: "/nowhere" })).stderr,
      /^archive: expected the program zstd, got none\. Install it \(Debian: apt-get install zstd/,
    );
    assert.match(
      (await verify("/nowhere.tar.zst")).stderr,
      /^verify: expected an archive at \/nowhere\.tar\.zst, got nothing/,
    );
  });
});

describe("needsNoStack", () => {
  for (const [words, expected] of [
    [["verify", "a.tar.zst"], true],
    [["verify", "--stack", "s", "a.tar.zst"], true],
    [["verify"], false],
    [["verify", "--stack", "production"], false],
    [["up", "verify"], false],
    [["--help"], true],
  ] as const)
    it(`is ${expected} for: ${words.join(" ")}`, () => assert.equal(needsNoStack(words), expected));
});
