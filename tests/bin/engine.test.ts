import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
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

  it("a real stack gets the built-in plugin in the user's own PULUMI_HOME, and is told so", async () => {
    const one = checkout();
    const programs = { ...GIT, go: fakeGo(one.folder) };
    const { stderr } = await one.run("rollout", ["up", "--stack", "production"], { programs });
    const home = join(one.folder, "user", ".pulumi");
    assert.ok(stderr.includes(`Plugin: built-in command 1.2.1, in ${home}`), stderr);
    assert.ok(one.has("user/.pulumi/plugins/resource-command-v1.2.1/pulumi-resource-command"));
    assert.ok(!one.has(".rollout/pulumi-home"));
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
