import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { temporaryFolder } from "../temporary-folder.ts";
import { Checkout, fakeGo } from "./checkout.ts";

const GIT = { git: "exit 0" };
/** An official CLI as it lies on PATH, language host included. */
const official = (version: string) => ({ pulumi: `echo v${version}`, "pulumi-language-nodejs": "exit 0" });

describe("set-up: where the engine comes from", function () {
  this.timeout(60_000);
  const checkout = (cache?: string) => new Checkout(cache ? { cache } : {});

  it("with Go and without internet it is built once, for all checkouts; each choice is one line", async () => {
    const first = checkout();
    const programs = { ...GIT, go: fakeGo(first.folder) };
    const { exitCode, stdout, stderr } = await first.run("start", ["--timings"], { programs });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^Engine: building Pulumi 3\.255\.0 with Go, 2–4 minutes/m);
    assert.match(stderr, /^Engine: Pulumi 3\.255\.0, built from tools\//m);
    assert.match(stderr, /^Plugin: built-in command 1\.2\.1/m);
    const { args, timings } = JSON.parse(stdout);
    assert.deepEqual(args, ["start", "--timings"]);
    assert.deepEqual(
      JSON.parse(timings).phases.map(({ phase }: { phase: string }) => phase),
      ["requirements", "packages", "dependencies", "toolchain"],
    );
    const second = checkout(first.cache);
    const reused = await second.run("start", [], { programs: GIT });
    assert.equal(reused.exitCode, 0, reused.stderr);
    assert.equal(readFileSync(join(first.folder, "builds"), "utf8"), "build\n");
  });

  it("the second run is silent and needs neither Go nor network", async () => {
    const one = checkout();
    await one.run("rollout", ["status"], { programs: { ...GIT, go: fakeGo(one.folder) } });
    const again = await one.run("rollout", ["status"], { programs: GIT });
    assert.deepEqual([again.exitCode, again.stderr], [0, ""]);
  });

  it("two set-ups at the same time build once, and both work", async () => {
    const one = checkout();
    const two = checkout(one.cache);
    const programs = { ...GIT, go: `${fakeGo(one.folder)}\n/bin/sleep 1` };
    const both = await Promise.all([one, two].map((each) => each.run("rollout", ["status"], { programs })));
    assert.deepEqual(
      both.map(({ exitCode }) => exitCode),
      [0, 0],
      both.map(({ stderr }) => stderr).join(),
    );
    assert.equal(readFileSync(join(one.folder, "builds"), "utf8"), "build\n");
  });

  it("a build that fails leaves nothing behind, says so, and the next run tries again", async () => {
    const one = checkout();
    const broken = `if [ "$1" = version ]; then echo "go version go1.26.0"; else echo no module >&2; exit 1; fi`;
    const failed = await one.run("start", [], { programs: { ...GIT, go: broken } });
    assert.equal(failed.exitCode, 2);
    assert.match(failed.stderr, /no module\nengine: expected go build .* got exit code 1\..*GOPROXY/);
    const again = await one.run("start", [], { programs: { ...GIT, go: fakeGo(one.folder) } });
    assert.equal(again.exitCode, 0, again.stderr);
  });

  it("an official Pulumi on PATH of a fitting version is used as found", async () => {
    const { exitCode, stderr } = await checkout().run("start", [], {
      programs: { ...GIT, ...official("3.260.1") },
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^Engine: official Pulumi 3\.260\.1, found at /m);
  });

  for (const version of ["3.247.9", "2.25.0", "4.0.0"]) {
    it(`an official Pulumi ${version} is not used`, async () => {
      const { exitCode, stderr } = await checkout().run("start", [], {
        programs: { ...GIT, ...official(version) },
      });
      assert.equal(exitCode, 2);
      assert.match(stderr, /neither Go/);
    });
  }

  it("ROLLOUT_TOOLCHAIN=airgap builds although an official one is there; a wrong value is refused", async () => {
    const one = checkout();
    const programs = { ...GIT, ...official("3.260.1"), go: fakeGo(one.folder) };
    const forced = await one.run("start", [], { programs, env: { ROLLOUT_TOOLCHAIN: "airgap" } });
    assert.match(forced.stderr, /built from tools/);
    const wrong = await one.run("start", [], { programs, env: { ROLLOUT_TOOLCHAIN: "offical" } });
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /expected official or airgap for ROLLOUT_TOOLCHAIN, got "offical"/);
  });

  it("the exit code of the command line is that of the entry", async () => {
    const programs = { ...GIT, ...official("3.260.1") };
    assert.equal(
      (await checkout().run("rollout", ["up"], { programs, env: { EXIT_WITH: "7" } })).exitCode,
      7,
    );
  });
});

/** The official plugin's place below a PULUMI_HOME. */
const PLUGIN = "plugins/resource-command-v1.2.1/pulumi-resource-command";
/** An official CLI that installs its plugin as long as the file `served` is there. It needs a backend, and leaves a folder there. */
const installing = (folder: string) => ({
  pulumi: [
    'if [ "$1" = version ]; then echo v3.260.1; exit; fi',
    `echo "$@" >> "${folder}/installs"`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own parameter expansion
    '/bin/mkdir -p "${PULUMI_BACKEND_URL#file://}/.pulumi"',
    `[ -e "${folder}/served" ] || exit 1`,
    `/bin/mkdir -p "$PULUMI_HOME/plugins/resource-command-v1.2.1"; echo official > "$PULUMI_HOME/${PLUGIN}"`,
  ].join("\n"),
  "pulumi-language-nodejs": "exit 0",
});

describe("set-up: the command plugin", function () {
  this.timeout(60_000);
  let server: Server;
  let env: Record<string, string>;
  before(async () => {
    server = createServer((_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    env = { ROLLOUT_PULUMI_DOWNLOAD: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  });
  after(() => void server.close());

  const real = ["up", "--stack", "production"];
  const homeOf = (one: Checkout) => join(one.folder, "user", ".pulumi");
  const own = (one: Checkout, path: string, text: string) => {
    const file = join(homeOf(one), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };

  it("the built-in one never goes into the user's own PULUMI_HOME, which other projects use, but into a place of ours", async () => {
    const one = new Checkout();
    own(one, "credentials.json", "{}");
    own(one, "plugins/resource-aws-v7.0.0/pulumi-resource-aws", "aws");
    own(one, "workspaces/w.json", "{}");
    const { stderr } = await one.run("rollout", real, { programs: { ...GIT, go: fakeGo(one.folder) } });
    const place = join(one.folder, ".rollout", "home");
    assert.ok(stderr.includes(`Plugin: built-in command 1.2.1, in ${place}`), stderr);
    assert.deepEqual(readdirSync(join(homeOf(one), "plugins")), ["resource-aws-v7.0.0"]);
    // What the user has is there as well, but for the credentials, which Pulumi writes by rename.
    assert.ok(one.has(`.rollout/home/${PLUGIN}`));
    assert.equal(readFileSync(join(place, "plugins/resource-aws-v7.0.0/pulumi-resource-aws"), "utf8"), "aws");
    assert.ok(one.has(".rollout/home/workspaces/w.json"));
    assert.ok(!one.has(".rollout/home/credentials.json"));
  });

  it("the official one is tried when the sandbox was set up long before, and goes where Pulumi itself puts it", async () => {
    const one = new Checkout();
    const programs = { ...GIT, ...installing(one.folder) };
    await one.run("rollout", ["up"], { programs });
    assert.ok(one.has(`.rollout/pulumi-home/${PLUGIN}.mjs`));
    unlinkSync(join(one.folder, ".rollout/plugin-tried"));
    writeFileSync(join(one.folder, "served"), "");
    const { stderr } = await one.run("rollout", real, { programs, env });
    assert.ok(stderr.includes(`Plugin: official command 1.2.1, in ${homeOf(one)}`), stderr);
    assert.equal(readFileSync(join(homeOf(one), PLUGIN), "utf8"), "official\n");
    assert.ok(!one.has(".rollout/home"));
    // The download's own backend is gone again, and what earlier releases left.
    assert.deepEqual(
      readdirSync(join(one.folder, ".rollout")).filter((name) => /^(backend|\.pulumi)/.test(name)),
      [],
    );
  });

  it("the official one takes the built-in one's place as soon as it can be had, and is not asked for at every command", async () => {
    const one = new Checkout();
    const programs = { ...GIT, ...installing(one.folder) };
    const installs = () => readFileSync(join(one.folder, "installs"), "utf8").trim().split("\n").length;
    mkdirSync(join(one.folder, ".rollout", ".pulumi"), { recursive: true });
    for (let times = 0; times < 3; times += 1) await one.run("rollout", real, { programs, env });
    assert.equal(installs(), 1);
    assert.ok(!one.has(".rollout/.pulumi"));
    writeFileSync(join(one.folder, "served"), "");
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(join(one.folder, ".rollout/plugin-tried"), longAgo, longAgo);
    const { stderr } = await one.run("rollout", real, { programs, env });
    assert.match(stderr, /^Plugin: official command/m);
    assert.equal(installs(), 2);
    assert.equal((await one.run("rollout", real, { programs, env })).stderr, "");
  });

  it("a built-in one that an earlier release put into the user's PULUMI_HOME is taken back, with a line", async () => {
    const one = new Checkout();
    for (const name of [PLUGIN, `${PLUGIN}.mjs`, `${PLUGIN}.digest`]) own(one, name, "old");
    const { stderr } = await one.run("rollout", real, { programs: { ...GIT, ...official("3.260.1") } });
    assert.match(
      stderr,
      /^Plugin: took the built-in command 1\.2\.1 of an earlier release out of .*\.pulumi$/m,
    );
    assert.ok(!one.has(`user/.pulumi/${PLUGIN}`));
    assert.ok(one.has(`.rollout/home/${PLUGIN}`));
  });

  it("a user's own official one is used as it is, in any PULUMI_HOME, and nothing is asked", async () => {
    const one = new Checkout();
    const home = join(one.folder, "elsewhere");
    mkdirSync(dirname(join(home, PLUGIN)), { recursive: true });
    writeFileSync(join(home, PLUGIN), "theirs");
    const programs = { ...GIT, ...installing(one.folder) };
    await one.run("rollout", real, { programs, env: { ...env, PULUMI_HOME: home } });
    assert.equal(readFileSync(join(home, PLUGIN), "utf8"), "theirs");
    assert.ok(!one.has("installs") && !one.has(".rollout/home"));
  });
});

describe("set-up: the official download", function () {
  this.timeout(60_000);
  const one = new Checkout();
  let server: Server;
  let checksum: string;
  const name = `pulumi-v3.255.0-${process.platform}-${process.arch}.tar.gz`;

  before(async () => {
    const folder = temporaryFolder("release");
    mkdirSync(join(folder, "pulumi"));
    // No plugin can be installed with it: the built-in one has to take its place.
    const script = '#!/bin/sh\n[ "$1" = version ] && echo v3.255.0 || exit 1\n';
    writeFileSync(join(folder, "pulumi", "pulumi"), script, { mode: 0o755 });
    await execa("tar", ["-czf", name, "pulumi"], { cwd: folder });
    const archive = readFileSync(join(folder, name));
    checksum = createHash("sha256").update(archive).digest("hex");
    server = createServer((request, response) => {
      if (request.url === `/${name}`) response.end(archive);
      else if (request.url === "/pulumi-3.255.0-checksums.txt") response.end(`${checksum}  ${name}\n`);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => void server.close());

  const run = () =>
    one.run("start", [], {
      programs: { ...GIT, tar: 'exec /bin/tar "$@"', gzip: 'exec /bin/gzip "$@"' },
      env: { ROLLOUT_PULUMI_DOWNLOAD: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    });

  it("a file that is not the published one is refused, and nothing is kept of it", async () => {
    const published = checksum;
    checksum = "0".repeat(64);
    const { exitCode, stderr } = await run();
    checksum = published;
    assert.equal(exitCode, 2);
    assert.match(stderr, /expected the published SHA-256 for pulumi-v3\.255\.0/);
    assert.ok(!one.has("cache/official-3.255.0"));
  });

  it("where the internet is, the official engine is taken; where its plugin is not to be had, the built-in one", async () => {
    const { exitCode, stderr } = await run();
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /^Engine: downloading Pulumi 3\.255\.0 from http/m);
    assert.match(stderr, /^Engine: Pulumi 3\.255\.0, official, in /m);
    assert.match(stderr, /^Plugin: built-in command 1\.2\.1/m);
    assert.equal((await run()).stderr, "");
  });
});
