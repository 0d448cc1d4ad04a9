import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { withoutSecrets } from "../../archive/stack-config.ts";
import { recordsBefore } from "../../ledger/evidence-slice.ts";
import { archive } from "../../steps/archive.ts";
import { makeKeys, provideAge } from "../age.ts";
import { onSmallDisk } from "../small-disk.ts";
import { archiveSpec, put, runArchive, unpack, untar } from "./archive-fixture.ts";
import { rolledOut } from "./rolled-out.ts";

const ROOT = "2025-02-03-deals.deal_type";

describe("archive", function () {
  this.timeout(60_000);

  it("holds records, artifacts, snapshots, reports, backups' places and releases, and unpacks with tar", async () => {
    const stack = rolledOut();
    const { path } = await runArchive(stack);
    assert.equal(path, join(stack.archives, `${ROOT}.tar.zst`));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const folder = join(await untar(path), ROOT);
    for (const name of [
      ...["README.md", "index.html", "manifest.json", "backups.json", "releases.json", "evidence/head.json"],
      ...["evidence/000001-guard-begin.json", "evidence/snapshots/validation-output-snapshot.ndjson.gz"],
      ...["reports/status.md", "reports/screenshots/1 form.png"],
    ])
      assert.ok(existsSync(join(folder, name)), name);
    const [backup] = JSON.parse(readFileSync(join(folder, "backups.json"), "utf8"));
    assert.deepEqual([backup.path, backup.provenAt], ["backups/test/b", "2025-02-03T09:02:00Z"]);
    assert.deepEqual(backup.notProven, ["view public.v (needs extension x)"]);
    assert.match(
      readFileSync(join(folder, "index.html"), "utf8"),
      /<td>view public\.v \(needs extension x\)<\/td>/,
    );
  });

  it("holds what the regression found, and neither who was written to nor a deal that was taken apart", async () => {
    const stack = rolledOut();
    const CANARY = "canary@example.com\n";
    put(stack.evidence, "regressions/found.jsonl", "{}\n");
    put(stack.evidence, "regressions/found-2.jsonl.incoming", "half");
    put(stack.evidence, "mail/announcement.jsonl", CANARY);
    for (const path of ["outbox/a.eml", "outbox/a.recipients.txt", "investigations/7/row.json"])
      put(stack.reports, path, CANARY);
    const folder = join(await untar((await runArchive(stack)).path), ROOT);
    assert.deepEqual(readdirSync(join(folder, "evidence/regressions")), ["found.jsonl"]);
    for (const path of ["evidence/mail", "reports/outbox", "reports/investigations"])
      assert.ok(!existsSync(join(folder, path)), path);
  });

  it("explains how to check it by hand, by commands that find it whole", async () => {
    const folder = join(await untar((await runArchive(rolledOut())).path), ROOT);
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(readme) ?? [];
    const files = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")).files.length;
    // jq is not everywhere: what it prints is made by Node here.
    const list = `node -e 'for (const f of require("./manifest.json").files) console.log(f.sha256 + "  " + f.path)'`;
    const { stdout } = await execa("sh", ["-ec", block.replace(/jq .*manifest\.json/, list)], {
      cwd: folder,
    });
    assert.equal(stdout.trim(), String(files + 1));
  });

  it("is the same to the byte for the same evidence, also after a run that was killed", async () => {
    const stack = rolledOut();
    const first = await runArchive(stack);
    stack.run("validation", "archive", { outcome: null });
    stack.run("validation", "archive", { outcome: "failed", error: "disk full" });
    const again = await runArchive(stack, archiveSpec(stack, { generation: 2 }));
    assert.deepEqual([again.path, again.sha256, again.head], [first.path, first.sha256, first.head]);
    assert.deepEqual(readdirSync(stack.archives), [`${ROOT}.tar.zst`]);
  });

  it("never writes over one: with new evidence it makes another", async () => {
    const stack = rolledOut();
    const first = await runArchive(stack);
    stack.run("validation", "output-snapshot", { result: {} });
    const second = await runArchive(stack, archiveSpec(stack, { generation: 2 }));
    assert.equal(second.path, join(stack.archives, `${ROOT}-2.tar.zst`));
    assert.ok(second.head > first.head);
    assert.equal(statSync(first.path).size, first.bytes);
  });

  it("leaves out what the configuration does not include, and lists it by hash", async () => {
    const stack = rolledOut();
    const result = await runArchive(stack, archiveSpec(stack, { include: ["artifacts"] }));
    const files = await unpack(result.path);
    assert.deepEqual(
      [...files.keys()].filter((name) => /snapshots|reports/.test(name)),
      [],
    );
    const { leftOut } = JSON.parse(String(files.get(`${ROOT}/manifest.json`)));
    assert.deepEqual(
      leftOut.map(({ path }: { path: string }) => path),
      [
        ...["pre-flight", "validation"].flatMap((phase) =>
          ["json", "ndjson.gz"].map((end) => `evidence/snapshots/${phase}-output-snapshot.${end}`),
        ),
        ...["reports/screenshots/1 form.png", "reports/status.md"],
      ],
    );
    assert.match(String(files.get(`${ROOT}/index.html`)), /Left out on purpose/);
    assert.equal(result.leftOut, 6);
  });

  it("names an archive without a part of a name, whatever happens: what a dead run left is removed", async () => {
    const stack = rolledOut();
    mkdirSync(stack.archives, { recursive: true });
    writeFileSync(join(stack.archives, ".partial-4711"), "half of one");
    await runArchive(stack);
    assert.deepEqual(readdirSync(stack.archives), [`${ROOT}.tar.zst`]);
  });

  it("refuses a report that is edited while it is archived, and leaves nothing under the name", async () => {
    const stack = rolledOut();
    const spec = archiveSpec(stack);
    const growing = new AbortController();
    const deps = stack.deps({ signal: growing.signal });
    const file = join(stack.reports, "large.txt");
    writeFileSync(file, Buffer.alloc(8_000_000, "a"));
    // It grows as long as the step runs: whatever the manifest says of it is out of date when it is packed.
    const timer = setInterval(() => appendFileSync(file, "b"), 1);
    await assert.rejects(archive.apply(spec, deps), /expected reports\/large\.txt to stay as it is/);
    clearInterval(timer);
    assert.deepEqual(readdirSync(stack.archives), []);
  });

  it("ends at once when it is cancelled, without a trace", async () => {
    const stack = rolledOut();
    const cancelled = AbortSignal.abort(new Error("cancelled by Ctrl-C"));
    await assert.rejects(
      archive.apply(archiveSpec(stack), stack.deps({ signal: cancelled })),
      /cancelled by Ctrl-C/,
    );
    assert.equal(existsSync(stack.archives), false);
  });

  it("drifts when it is gone, cut off, or when a step before it was done since; not for what comes after it", async () => {
    const stack = rolledOut();
    const { path } = await runArchive(stack);
    const drift = async () =>
      (await archive.observe(archiveSpec(stack), stack.deps())).drift.map(({ observed }) => observed);
    stack.run("validation", "review-page", { result: {} });
    stack.append({ record: "event", event: "recovered", note: "a lock" });
    assert.deepEqual(await drift(), []);
    stack.run("pre-flight", "data-audit", { result: {} });
    assert.deepEqual(await drift(), ["pre-flight/data-audit done since"]);
    appendFileSync(path, "x");
    assert.equal((await drift()).length, 2);
  });

  it("says in preview how much room it wants, what there is, and what to free", async function () {
    const stack = rolledOut();
    await onSmallDisk(this, async ({ folder }) => {
      const { blockers } = await archive.observe(archiveSpec(stack, { folder }), stack.deps());
      assert.match(
        blockers.join(),
        /^archive: expected 32\.\d MiB free for \/.*, got 256\.0 KiB\. Free 3\d\.\d MiB on that disk\.$/,
      );
    });
  });

  it("says in preview what is missing, with the command that installs it", async () => {
    const { PATH } = process.env;
    process.env.PATH = "/nowhere";
    try {
      const { blockers } = await archive.observe(archiveSpec(rolledOut()), rolledOut().deps());
      assert.deepEqual(blockers, [
        "archive: expected the program zstd, got none. Install it (Debian: apt-get install zstd, macOS: brew install zstd).",
      ]);
    } finally {
      process.env.PATH = PATH;
    }
  });

  it("stays when it is undone, and the undo says so", async () => {
    const stack = rolledOut();
    const result = await runArchive(stack);
    const { summary, kept } = await archive.undo(archiveSpec(stack), stack.deps(), result);
    assert.equal(summary, `kept ${result.path}`);
    assert.equal(kept.length, 1);
    assert.ok(existsSync(result.path));
  });

  it("is encrypted for the backups' recipients, and nobody else can read it", async () => {
    const { PATH } = process.env;
    console.log(`      by ${provideAge()}`);
    const { recipient, file } = await makeKeys();
    const stack = rolledOut();
    const result = await runArchive(stack, archiveSpec(stack, { encryption: { recipients: [recipient] } }));
    assert.match(result.path, /\.tar\.zst\.age$/);
    assert.match(readFileSync(result.path, "latin1"), /^age-encryption\.org/);
    process.env.ROLLOUT_BACKUP_IDENTITY = file;
    try {
      assert.ok((await unpack(result.path)).has(`${ROOT}/manifest.json`));
    } finally {
      delete process.env.ROLLOUT_BACKUP_IDENTITY;
      process.env.PATH = PATH;
    }
  });
});

describe("what an archive says of the stack", () => {
  it("is its configuration without any secret, comments kept", () => {
    const text = [
      "encryptionsalt: v1:abc:def",
      "config:",
      "  # How far.",
      '  p:phase: "4"',
      "  p:databaseUrl:",
      "    secure: v1:canary",
      "  p:smokeTest:",
      "    token: { secure: v1:canary }",
      "  p:deployment:",
      "    repository: https://user:canary@git.example.com/app.git",
    ].join("\n");
    const shown = withoutSecrets(text);
    assert.doesNotMatch(shown, /canary|salt/);
    for (const part of ["# How far.", 'p:databaseUrl: "[secret]"', "https://***@git"])
      assert.ok(shown.includes(part), `${part} in\n${shown}`);
  });

  it("is all evidence but what the archiving step itself wrote last", () => {
    const stack = rolledOut();
    const records = stack.chain.records.length;
    stack.run("validation", "archive", { result: {} });
    stack.run("validation", "review-page", { result: {} });
    stack.run("validation", "archive", { outcome: null });
    assert.equal(
      recordsBefore(stack.chain.records, { phase: "validation", step: "archive" }).length,
      records + 4,
    );
  });
});
