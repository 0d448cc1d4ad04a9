import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Args, CommandStack, type Finished, loggedLines, OTHER_PLUGIN } from "./command-stack.ts";

interface Files {
  assets: Record<string, { path: string; hash: string }>;
  archive: { assets: Record<string, unknown> };
}

/** Name of the case → arguments, and what stdout and stderr have to be. */
const CASES: Record<string, { args: Args; stdout: string; stderr?: string }> = {
  "stdout and stderr are kept apart": {
    args: { create: "echo out; echo err >&2" },
    stdout: "out",
    stderr: "err",
  },
  "one trailing line break is taken off, not more": { args: { create: "printf 'a\\n\\n'" }, stdout: "a\n" },
  "leading blanks and inner line breaks stay": { args: { create: "printf '  a\\nb'" }, stdout: "  a\nb" },
  "unicode comes through": { args: { create: "printf 'Ünïcødé 漢字 🚀'" }, stdout: "Ünïcødé 漢字 🚀" },
  "stdin is passed on": { args: { create: "cat", stdin: "line 1\nline 2" }, stdout: "line 1\nline 2" },
  "without stdin the command reads an end of file": { args: { create: "cat; echo done" }, stdout: "done" },
  "a command need not read its stdin": {
    args: { create: "echo ignored", stdin: "x".repeat(300_000) },
    stdout: "ignored",
  },
  "the environment is added to the inherited one": {
    args: { create: 'echo "$INHERITED, $OWN"', environment: { OWN: "of its own" } },
    stdout: "from outside, of its own",
  },
  "the environment wins over the inherited one": {
    args: { create: 'echo "$INHERITED"', environment: { INHERITED: "replaced" } },
    stdout: "replaced",
  },
  "dir is where the command runs": { args: { create: "ls", dir: "files/logos" }, stdout: "logo.svg" },
  "interpreter gets the command as last argument": {
    args: { create: "process.stdout.write(String(6 * 7))", interpreter: ["node", "-e"] },
    stdout: "42",
  },
  "an empty interpreter is the default shell": { args: { create: "echo sh", interpreter: [] }, stdout: "sh" },
  "without create nothing runs": { args: { delete: "echo bye" }, stdout: "" },
  "a first run has no output of a run before": {
    args: { create: 'env | grep -c "^PULUMI_COMMAND_STD" || true' },
    stdout: "0",
  },
  "a large output is stored whole": {
    args: { create: "head -c 1000000 /dev/zero | tr '\\0' x", logging: "none" },
    stdout: "x".repeat(1_000_000),
  },
  "the command waits for children that hold its output": {
    args: { create: "(sleep 0.3; echo child) & echo parent" },
    stdout: "parent\nchild",
  },
};

const LOGGING: Record<string, string[]> = {
  stdout: ["out"],
  stderr: ["err"],
  stdoutAndStderr: ["err", "out"],
  none: [],
  nonsense: [],
};

/** Of what a built-in plugin does better than the official one 1.2.1, which hangs or fails here. */
const BETTER: typeof CASES = {
  "a line over 64 KiB is no reason to hang": {
    args: { create: "head -c 300000 /dev/zero | tr '\\0' y; echo; echo end" },
    stdout: `${"y".repeat(300_000)}\nend`,
  },
  "bytes that are no UTF-8 are replaced": { args: { create: "printf 'a\\377b'" }, stdout: "a\uFFFDb" },
};

describe("command plugin: create", function () {
  this.timeout(120_000);
  const stack = new CommandStack();
  const cases = OTHER_PLUGIN ? CASES : { ...CASES, ...BETTER };
  const identify = (name: string) => name.replace(/[^a-z0-9]+/gi, "-");
  let finished: Finished;

  before(async () => {
    await stack.initialize();
    for (const file of [
      "files/logos/logo.svg",
      "files/src/index.js",
      "files/src/deep/secret.js",
      "files/readme",
    ]) {
      mkdirSync(join(stack.folder, file, ".."), { recursive: true });
      writeFileSync(join(stack.folder, file), file);
    }
    stack.declare({
      ...Object.fromEntries(Object.entries(cases).map(([name, { args }]) => [identify(name), args])),
      ...Object.fromEntries(
        Object.keys(LOGGING).map((logging) => [
          `log-${logging}`,
          { create: "echo out; echo err >&2", logging },
        ]),
      ),
      "log-default": { create: "printf 'one\\r\\n\\ntwo\\nrest'" },
      files: {
        create: "true",
        dir: "files",
        assetPaths: ["logos/**", "src/**.js", "!**secret.*"],
        archivePaths: ["*"],
      },
      "files-of-a-set": { create: "true", dir: "files", assetPaths: ["{logos,src}/*.[js]*", "rea?me"] },
    });
    finished = await stack.run("up");
    assert.equal(finished.exitCode, 0, finished.output);
  });

  for (const [name, { stdout, stderr = "" }] of Object.entries(cases)) {
    it(name, () => {
      const outputs = stack.outputs(identify(name));
      assert.equal(outputs.stdout, stdout);
      assert.equal(outputs.stderr, stderr);
    });
  }

  for (const [logging, lines] of Object.entries(LOGGING)) {
    it(`logging ${logging} shows ${lines.join(" and ") || "nothing"}, and all is stored`, () => {
      assert.deepEqual(loggedLines(finished, `log-${logging}`).sort(), lines);
      assert.equal(stack.outputs(`log-${logging}`).stdout, "out");
      assert.equal(stack.outputs(`log-${logging}`).stderr, "err");
    });
  }

  it("lines are logged in order, without their ends, the last one even when it is not finished", () => {
    assert.deepEqual(loggedLines(finished, "log-default"), ["one", "", "two", "rest"]);
  });

  it("assetPaths and archivePaths give the files that the rules name, paths relative to dir", () => {
    const { assets, archive } = stack.outputs<Files>("files");
    assert.deepEqual(Object.keys(assets).sort(), ["logos/logo.svg", "src/index.js"]);
    assert.equal(assets["src/index.js"]?.path, "files/src/index.js");
    // SHA-256 of the file's content, which is its own path here.
    assert.equal(
      assets["src/index.js"]?.hash,
      "c1d85e5f28282370237b64cc94df809e61f92eabbaf60b10cdef4d1d5814d828",
    );
    assert.deepEqual(Object.keys(archive.assets), ["readme"]);
  });

  it("a glob knows alternatives, classes and single characters", () => {
    const { assets } = stack.outputs<Files>("files-of-a-set");
    assert.deepEqual(Object.keys(assets).sort(), ["logos/logo.svg", "readme", "src/index.js"]);
  });

  it("inputs are stored as they were given", () => {
    assert.deepEqual(stack.stored()["log-none"]?.inputs, {
      create: "echo out; echo err >&2",
      logging: "none",
    });
  });
});
