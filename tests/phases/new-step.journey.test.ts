import { equal, match } from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** The sources as they are in the working tree, with the installed packages beside them. */
async function copySources(): Promise<string> {
  const folder = temporaryFolder("new-step-");
  const { stdout } = await execa("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
    cwd: PROJECT_ROOT,
  });
  for (const name of stdout.split("\0").filter((each) => /\.(m?ts|[cm]js|json)$/.test(each))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(PROJECT_ROOT, name), join(folder, name));
  }
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

describe("npm run new-step", () => {
  let folder: string;
  const run = (...words: string[]) => execa("node", words, { cwd: folder, reject: false, all: true });
  const newStep = (...words: string[]) => run("--import", "tsx", "phases/new-step.ts", ...words);
  before(async () => {
    folder = await copySources();
  });

  it("refuses a name that is taken, and a phase that is none", async () => {
    match((await newStep("soak", "validation")).all, /expected a new name, got soak/);
    const { all, exitCode } = await newStep("cache-purge", "phase-2");
    match(all, /expected one of pre-flight, .*, got phase-2/);
    equal(exitCode, 1);
  });

  it("writes a step, its test and its row; all type-checks, and the test passes", async () => {
    match((await newStep("cache-purge", "code-deployment")).all, /Left to do/);
    match(readFileSync(join(folder, "phases/code-deployment.ts"), "utf8"), / {4}row\(cachePurge, \{/);
    const types = await run("node_modules/.bin/tsc", "--noEmit", "--incremental", "false");
    equal(types.all, "");
    const tests = await run("node_modules/.bin/mocha", "--no-parallel", "tests/steps/cache-purge.test.ts");
    match(tests.all, /1 passing/);
  });
});
