import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { findOnPath } from "../../bin/programs.mjs";
import {
  installRelease,
  readReleases,
  releasesToPrune,
  removeReleases,
  switchRelease,
} from "../../hosts/release-folder.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { adoptRelease, linkCurrent, makeHost, makeRepository, writer } from "./host-fixture.ts";

const FILES = { "app.txt": "one\n", "lib/deep.txt": "deep\n" };
const NOWHERE = "f".repeat(40);

function setUp() {
  const { url, shas } = makeRepository(FILES, { "app.txt": "two\n" });
  const [old = "", next = ""] = shas;
  const host = makeHost();
  const folder = (sha: string) => join(host.appDir, "releases", sha);
  const install = (sha = next, more: { install?: string[]; repository?: string } = {}) =>
    installRelease(host, { repository: url, sha, ...more }, writer());
  const releases = () => readdirSync(join(host.appDir, "releases")).sort();
  return { host, url, old, next, folder, install, releases };
}

describe("installing a release", () => {
  it("puts the commit beside the one that runs, whole, and leaves `current` alone", async () => {
    const { host, old, next, folder, install, releases } = setUp();
    await install(old);
    linkCurrent(host, old);
    equal(await install(), "installed");
    equal(readFileSync(join(folder(next), "app.txt"), "utf8"), "two\n");
    equal(readFileSync(join(folder(next), "lib/deep.txt"), "utf8"), "deep\n");
    deepEqual(releases(), [old, next].sort());
    const { current, installed } = await readReleases(host, writer(), [next]);
    equal(current, old);
    deepEqual(installed.find(({ sha }) => sha === next)?.changed, { files: 0, first: "" });
    deepEqual(await install(), { repaired: 0 });
  });

  it("finds what was changed or removed by hand, and puts it back in place", async () => {
    const { host, next, folder, install } = setUp();
    await install();
    writeFileSync(join(folder(next), "app.txt"), "hotfix\n");
    rmSync(join(folder(next), "lib/deep.txt"));
    writeFileSync(join(folder(next), "made-while-running.pyc"), "x");
    const { installed } = await readReleases(host, writer(), [next]);
    deepEqual(installed[0]?.changed, { files: 2, first: "app.txt" });
    deepEqual(await install(), { repaired: 2 });
    equal(readFileSync(join(folder(next), "app.txt"), "utf8"), "two\n");
    equal(existsSync(join(folder(next), "made-while-running.pyc")), true);
  });

  it("runs the installation in the folder's final place, with the commit filled in", async () => {
    const { next, folder, install } = setUp();
    await install(next, { install: ["sh", "-c", 'pwd >where; echo "$1" >>where', "x", "{release} it's"] });
    equal(readFileSync(join(folder(next), "where"), "utf8"), `${folder(next)}\n${next} it's\n`);
  });

  it("leaves nothing when the installation fails, and says what it said", async () => {
    const { host, next, install, releases } = setUp();
    const failing = install(next, {
      install: ["sh", "-c", "echo fetching; echo no such package >&2; exit 1"],
    });
    await rejects(
      failing,
      /expected deployment\.install to end well on host-a, got: fetching no such package\. The release was taken away/,
    );
    deepEqual(releases(), []);
    deepEqual((await readReleases(host, writer())).installed, []);
    equal(await install(), "installed");
  });

  it("marks what a kill in the middle of the installation left, never switches to it, and begins anew", async () => {
    const { host, url, next, folder, install } = setUp();
    const cancel = new AbortController();
    const file = join(host.folder, "began");
    const source = { repository: url, sha: next, install: ["sh", "-c", `touch ${file}; sleep 60`] };
    const run = installRelease(host, source, { ...writer(), signal: cancel.signal });
    const ended = rejects(run, /AbortError/);
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 20));
    cancel.abort();
    await ended;
    const reading = await readReleases(host, writer());
    deepEqual(
      reading.installed.map(({ whole }) => whole),
      [false],
    );
    await rejects(switchRelease(host, { to: next, reading }, writer()), /got none that is whole/);
    writeFileSync(join(folder(next), "half"), "");
    equal(await install(), "installed");
    equal(existsSync(join(folder(next), "half")), false);
    equal((await readReleases(host, writer())).installed[0]?.whole, true);
  });

  for (const [what, change, said] of [
    ["a branch's name", { sha: "main" }, /expected a commit of 40 hex digits, got main\. Pin one\./],
    [
      "a commit that the repository lacks",
      { sha: NOWHERE },
      /expected the commit f{40} in .*, got none \(asked from host-a\)/,
    ],
    [
      "a repository that is not there",
      { sha: NOWHERE, repository: "/nowhere" },
      /expected to fetch from \/nowhere on host-a, got: .*nowhere/,
    ],
  ] as const)
    it(`refuses ${what}, and leaves nothing`, async () => {
      const { host, url, releases } = setUp();
      await rejects(installRelease(host, { repository: url, ...change }, writer()), said);
      deepEqual(releases(), []);
    });

  it("shows no password of a repository's address", async () => {
    const { install } = setUp();
    const failing = install(NOWHERE, { repository: "http://me:hunter2@127.0.0.1:1/x.git" });
    await rejects(failing, (error: Error) => {
      match(error.message, /expected to fetch from http:\/\/\*\*\*@127\.0\.0\.1:1\/x\.git on host-a/);
      return !error.message.includes("hunter2");
    });
  });

  it("refuses submodules by name", async () => {
    const { url, shas } = makeRepository({ "a.txt": "a" });
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", url, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
        encoding: "utf8",
      }).trim();
    git("update-index", "--add", "--cacheinfo", `160000,${shas[0]},sub`);
    git("commit", "--quiet", "-m", "sub");
    const source = { repository: url, sha: git("rev-parse", "HEAD") };
    await rejects(
      installRelease(makeHost(), source, writer()),
      /got a submodule, which is not supported: sub\. /,
    );
  });

  /** A repository with one file that Git LFS keeps, as its user made it. */
  function lfsRepository() {
    const { url } = makeRepository({ "app.txt": "one\n" });
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", url, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
        encoding: "utf8",
        stdio: "pipe",
      }).trim();
    git("lfs", "install", "--local");
    git("lfs", "track", "*.bin");
    mkdirSync(join(url, "models of 2026"));
    writeFileSync(join(url, "models of 2026/big.bin"), "weights".repeat(1000));
    git("add", "--all");
    git("commit", "--quiet", "-m", "a model");
    return { url, git, sha: git("rev-parse", "HEAD") };
  }
  /** A folder of this machine's programs but git-lfs. */
  function withoutLfs(): string {
    const folder = temporaryFolder("bin");
    for (const name of readdirSync("/usr/bin"))
      if (!name.startsWith("git-lfs")) symlinkSync(join("/usr/bin", name), join(folder, name));
    return folder;
  }
  const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 132000000\n`;

  it("refuses files that Git LFS keeps where git-lfs is not installed, by name and size, whatever the attributes", async () => {
    const { url, shas } = makeRepository({
      "model.bin": POINTER,
      "docs/lfs.md": `Pointers look so:\n${POINTER}`,
    });
    const host = makeHost();
    const path = process.env.PATH;
    process.env.PATH = withoutLfs();
    try {
      const failing = installRelease(host, { repository: url, sha: shas[0] ?? "" }, writer());
      await rejects(
        failing,
        /got pointers of Git LFS: model\.bin \(132000000 bytes\)\. Install git-lfs on host-a/,
      );
    } finally {
      process.env.PATH = path;
    }
    deepEqual(readdirSync(join(host.appDir, "releases")), []);
  });

  for (const [name, attributes] of [
    ["modèle 1.bin", ""],
    ['models "of" 2026.bin', ""],
    ["model.bin", "*.bin filter=lfs binary\n"],
    ["model.bin", "*.bin -diff\n"],
  ] as const)
    it(`never takes a pointer of Git LFS for the file: ${name} ${attributes.trim()}`, async () => {
      const { url, shas } = makeRepository({ ".gitattributes": attributes, [name]: POINTER });
      const host = makeHost();
      const failing = installRelease(host, { repository: url, sha: shas[0] ?? "" }, writer());
      await rejects(failing, (error: Error) => error.message.includes(`${name} (132000000 bytes)`));
      deepEqual(readdirSync(join(host.appDir, "releases")), []);
    });

  it("refuses what git-annex keeps, a link or a file, by name", async () => {
    const key = "SHA256E-s132000000--aa.bin";
    const { url, shas } = makeRepository({
      "docs/annex.md": `Files look so:\n/annex/objects/${key}\n`,
      "data/modèle.bin": `/annex/objects/${key}\n`,
    });
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", url, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
        encoding: "utf8",
      }).trim();
    const source = { repository: url, sha: shas[0] ?? "" };
    await rejects(
      installRelease(makeHost(), source, writer()),
      /got some that git-annex keeps elsewhere: data\/modèle\.bin\. /,
    );
    git("rm", "--quiet", "data/modèle.bin");
    symlinkSync(`../.git/annex/objects/xx/yy/${key}/${key}`, join(url, "big.bin"));
    symlinkSync("docs/annex.md", join(url, "read me"));
    git("add", ".");
    git("commit", "--quiet", "-m", "link");
    await rejects(
      installRelease(makeHost(), { ...source, sha: git("rev-parse", "HEAD") }, writer()),
      /got some that git-annex keeps elsewhere: big\.bin\. /,
    );
  });

  it("fetches what Git LFS keeps, finds it changed, and puts it back", async function () {
    if (!findOnPath("git-lfs")) {
      console.warn("      skipped: git-lfs is not installed (apt-get install git-lfs)");
      this.skip();
    }
    const { url, sha } = lfsRepository();
    const host = makeHost();
    const file = join(host.appDir, "releases", sha, "models of 2026/big.bin");
    const source = { repository: url, sha };
    const changed = async () => (await readReleases(host, writer(), [sha])).installed[0]?.changed;
    equal(await installRelease(host, source, writer()), "installed");
    equal(readFileSync(file, "utf8"), "weights".repeat(1000));
    deepEqual(await changed(), { files: 0, first: "" });
    deepEqual(await installRelease(host, source, writer()), { repaired: 0 });
    writeFileSync(file, POINTER);
    deepEqual(await changed(), { files: 1, first: "models of 2026/big.bin" });
    // What was fetched once is on the host: the repository is not asked again.
    rmSync(join(url, ".git/lfs"), { recursive: true });
    deepEqual(await installRelease(host, source, writer()), { repaired: 1 });
    equal(readFileSync(file, "utf8"), "weights".repeat(1000));
  });

  it("refuses a file of Git LFS that nobody has pushed, by name", async function () {
    if (!findOnPath("git-lfs")) this.skip();
    const { url, shas } = makeRepository({ "model.bin": POINTER });
    const failing = installRelease(makeHost(), { repository: url, sha: shas[0] ?? "" }, writer());
    await rejects(failing, /model\.bin \(132000000 bytes\)/);
  });

  it("refuses a file that passes a filter which the host does not have, by name", async () => {
    const { url, shas } = makeRepository({
      ".gitattributes": "secrets/** filter=git-crypt diff=git-crypt\n*.txt -filter\n",
      "secrets/key.txt": "plain\n",
      "secrets/my key.json": "\u0000GITCRYPT",
    });
    const failing = installRelease(makeHost(), { repository: url, sha: shas[0] ?? "" }, writer());
    await rejects(
      failing,
      /expected the git filter git-crypt, which secrets\/my key\.json of [0-9a-f]{40} passes through, to be set up for \S+ on host-a, got none/,
    );
  });

  it("leaves no half release on a full disk, and goes on once there is space", async function () {
    const { url, shas } = makeRepository({ "big.bin": "x".repeat(3 << 20), "small.txt": "s" });
    const host = makeHost();
    const mount = (...args: string[]) =>
      execFileSync("mount", ["-t", "tmpfs", ...args, "none", host.appDir], { stdio: "pipe" });
    try {
      mount("-o", "size=2m");
    } catch {
      console.warn("      skipped: this user may not mount a small file system to fill");
      this.skip();
    }
    try {
      mkdirSync(join(host.appDir, "releases"));
      const install = () => installRelease(host, { repository: url, sha: shas[0] ?? "" }, writer());
      await rejects(
        install(),
        /expected to write all files of .* on host-a, got: .*(No space left|unable to write)/,
      );
      deepEqual(readdirSync(join(host.appDir, "releases")), []);
      mount("-o", "remount,size=32m");
      equal(await install(), "installed");
    } finally {
      execFileSync("umount", [host.appDir]);
    }
  });
});

describe("switching to a release", () => {
  it("points `current` at it in one step, and to where it was when asked again", async () => {
    const { host, old, next, install } = setUp();
    await install(old);
    await install(next);
    linkCurrent(host, old);
    for (const to of [next, next, old]) {
      await switchRelease(host, { to, reading: await readReleases(host, writer()) }, writer());
      equal(readlinkSync(join(host.appDir, "current")), `releases/${to}`);
    }
  });

  it("refuses when someone else has switched since it looked", async () => {
    const { host, old, next, install } = setUp();
    await install(next);
    adoptRelease(host, old);
    const reading = await readReleases(host, writer());
    linkCurrent(host, NOWHERE);
    const late = switchRelease(host, { to: next, reading }, writer());
    await rejects(late, /expected .*current on host-a as it was read, got another target/);
  });

  it("refuses a release that is not there, and a `current` that is no link", async () => {
    const { host, next, install } = setUp();
    const to = async (sha: string) =>
      switchRelease(host, { to: sha, reading: await readReleases(host, writer()) }, writer());
    await rejects(to(NOWHERE), /expected the release f{40} .*, got none that is whole/);
    await install();
    mkdirSync(join(host.appDir, "current"));
    await rejects(to(next), /expected .*current on host-a to be a link, got a folder or file/);
  });
});

describe("old releases", () => {
  const release = (sha: string, changedAt: number) => ({ sha, changedAt, whole: true });
  const reading = { current: "c", link: "", installed: ["a", "b", "c", "d", "e"].map(release) };

  it("go, oldest first, but never the current one or one that somebody wants", () => {
    deepEqual(releasesToPrune(reading, { wanted: new Set(["a"]), keep: 1 }), ["d", "b"]);
    deepEqual(releasesToPrune(reading, { wanted: new Set(), keep: 9 }), []);
  });

  it("are removed from the host, the current one never", async () => {
    const { host, old, next, install, releases } = setUp();
    await install(old);
    await install(next);
    linkCurrent(host, next);
    await removeReleases(host, [old, next], writer());
    deepEqual(releases(), [next]);
  });
});
