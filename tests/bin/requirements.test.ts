import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../temporary-folder.ts";
import { Checkout, fakeGo } from "./checkout.ts";

const TEST_PACKAGES = [
  ...["shellcheck", "systemd-container", "git-lfs", "gunicorn", "python3-flask", "python3-celery"],
  ...["python3-psycopg2", "python3-pytest", "python3-setproctitle"],
];

describe("set-up: what is missing", () => {
  const fresh = new Checkout({ dependencies: false });
  const installed = new Checkout();

  for (const entry of ["start", "rollout", "test"] as const) {
    it(`${entry} on a machine with Node alone lists everything at once, and touches nothing`, async () => {
      const { exitCode, stdout, stderr } = await fresh.run(entry, ["preview"], { packages: false });
      assert.equal(exitCode, 2);
      assert.equal(stdout, "");
      const listed = stderr.split("\n").filter((line) => /^ {2}\S/.test(line));
      assert.deepEqual(
        listed.map((line) => line.trim().split(/[ :]/)[0]),
        ["npm", "git", "PostgreSQL", "browser", "zstd", "Pulumi"],
      );
      for (const path of ["node_modules", ".rollout", "cache", "user"]) assert.ok(!fresh.has(path), path);
    });
  }

  it("each missing thing comes with the command that installs it", async () => {
    const { stderr } = await fresh.run("start", [], { packages: false });
    assert.match(stderr, /\n {2}git\n {6}\S.*\bgit\b/);
    assert.match(
      stderr,
      /\n {2}PostgreSQL \(initdb, .*\n {6}\S.*postgresql.* or set ROLLOUT_SANDBOX_DATABASE_URL/,
    );
    assert.match(stderr, /\n {2}Pulumi: neither Go .*\n {6}curl .*go\.dev.*\n {6}or .*get\.pulumi\.com/);
  });

  it("without Go and without internet only the engine is missing, with both remedies", async () => {
    const { exitCode, stderr } = await installed.run("start", [], { programs: { git: "exit 0" } });
    assert.equal(exitCode, 2);
    assert.equal(stderr.match(/^ {2}\S/gm)?.length, 1);
    assert.match(stderr, /neither Go 1\.25\.0 or newer to build it, nor a connection/);
  });

  it("a Go that is too old counts as none", async () => {
    const go = 'echo "go version go1.24.9 linux/amd64"';
    const { exitCode, stderr } = await installed.run("start", [], { programs: { git: "exit 0", go } });
    assert.equal(exitCode, 2);
    assert.match(stderr, /neither Go/);
  });

  it("with a database of one's own the PostgreSQL server is not asked for, its client is", async () => {
    const { stderr } = await installed.run("start", [], {
      packages: false,
      env: { ROLLOUT_SANDBOX_DATABASE_URL: "postgres://somewhere/db" },
    });
    assert.match(stderr, /PostgreSQL \(pg_dump, pg_restore, psql\)/);
  });

  // Nobody but root may run apt; what is asked of the others is tested above.
  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot(
    "as root on Debian what the sandbox uses is installed by apt, after all the rest has been checked",
    async () => {
      const postgres = ["initdb", "pg_ctl", "postgres", "pg_dump", "pg_restore", "psql"];
      const programs = [...postgres, "chromium", "zstd"];
      const apt = `echo "apt-get $*" >> "${installed.folder}/apt"
for name in ${programs.join(" ")}; do printf '#!/bin/sh\\n' > "\${0%/*}/$name"; /bin/chmod +x "\${0%/*}/$name"; done`;
      const bare = await installed.run("start", [], {
        packages: false,
        programs: { "apt-get": apt, git: "exit 0" },
      });
      assert.equal(bare.exitCode, 2, "no engine: nothing may be installed");
      assert.ok(!installed.has("apt"));
      const go = fakeGo(installed.folder);
      const { exitCode, stderr } = await installed.run("start", [], {
        packages: false,
        programs: { "apt-get": apt, git: "exit 0", go },
      });
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, /^Packages: apt-get install -y postgresql chromium zstd$/m);
    },
  );

  it("what only tests need is named where it can't be installed, and is no obstacle", async () => {
    const { exitCode, stderr } = await installed.run("test-packages", [], {
      programs: {},
    });
    assert.equal(exitCode, 0);
    assert.equal(
      stderr,
      `Tests will be skipped without ${TEST_PACKAGES.join(", ")}: apt-get install -y ${TEST_PACKAGES.join(" ")}`,
    );
  });

  asRoot("as root on Debian it is installed by apt, and a failure of that is one of the gate", async () => {
    const works = { "apt-get": `echo "$*" >> "${installed.folder}/apt-tests"` };
    const { exitCode, stderr } = await installed.run("test-packages", [], { programs: works });
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, `Tests: apt-get install -y ${TEST_PACKAGES.join(" ")}`);
    assert.equal(
      readFileSync(join(installed.folder, "apt-tests"), "utf8"),
      `-qq -y install ${TEST_PACKAGES.join(" ")}\n`,
    );
    const fails = await installed.run("test-packages", [], { programs: { "apt-get": "exit 100" } });
    assert.equal(fails.exitCode, 2);
    assert.ok(
      fails.stderr.includes(`\ntest: expected apt-get to install ${TEST_PACKAGES.join(", ")}, got none.`),
    );
  });

  it("help needs no toolchain", async () => {
    const bare = new Checkout();
    const { exitCode, stdout } = await bare.run("rollout", ["up", "--help"], { packages: false });
    assert.equal(exitCode, 0);
    assert.deepEqual(JSON.parse(stdout).args, ["up", "--help"]);
    assert.deepEqual(readdirSync(join(bare.folder, ".rollout")), ["program"]);
  });

  it("a linked node_modules is refused: npm ci would empty what the link points at", async () => {
    const linked = new Checkout({ dependencies: false });
    const theirs = temporaryFolder("theirs");
    writeFileSync(join(theirs, "precious"), "");
    symlinkSync(theirs, join(linked.folder, "node_modules"));
    const { exitCode, stderr } = await linked.run("rollout", ["--help"], {
      programs: { npm: `rm -rf ${theirs}/*` },
    });
    assert.equal(exitCode, 2);
    assert.match(stderr, /node_modules to be a folder of this checkout, got a link to /);
    assert.deepEqual(readdirSync(theirs), ["precious"]);
  });
});
