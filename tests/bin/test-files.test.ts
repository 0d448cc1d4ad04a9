import { deepEqual, equal, match } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";

/** What mocha is given for these words after `npm test --`. */
async function given(
  ...words: string[]
): Promise<{ exitCode: number | undefined; stderr: string; argv: string[] }> {
  const script = `import { useTestFiles } from "./bin/test-files.mjs";
    const argv = ["node", "test.mjs", ...JSON.parse(process.env.WORDS)];
    console.log(JSON.stringify((await useTestFiles(argv)).slice(2)));`;
  const { exitCode, stderr, stdout } = await execa(process.execPath, ["--input-type=module", "-e", script], {
    ...{ cwd: PROJECT_ROOT, env: { WORDS: JSON.stringify(words) }, reject: false },
  });
  return { exitCode, stderr, argv: exitCode === 0 ? JSON.parse(stdout) : [] };
}

const mocha = (...words: string[]) =>
  execa(process.execPath, [join("node_modules", "mocha", "bin", "mocha.js"), "--no-parallel", ...words], {
    ...{ cwd: PROJECT_ROOT, reject: false },
  });

describe("npm test", () => {
  it("runs a folder's tests, one folder's and a file's, and the quick ones without a word", async () => {
    deepEqual((await given("tests/airgap")).argv, ["tests/airgap/**/*.test.ts"]);
    deepEqual((await given("./tests/bin/", "tests/cli/env.test.ts", "-b")).argv, [
      ...["-b", "tests/bin/**/*.test.ts", "tests/cli/env.test.ts"],
    ]);
    const all = readdirSync("tests", { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => join("tests", file));
    const quick = all.filter((file) => !/\.(journey|long)\./.test(file));
    deepEqual((await given()).argv.toSorted(), quick.toSorted());
  });

  it("takes the word after an option for the option's", async () => {
    const all = (await given()).argv;
    deepEqual((await given("--grep", "tests/airgap")).argv, ["--grep", "tests/airgap", ...all]);
    deepEqual((await given("-t", "5", "tests/airgap", "-j", "1")).argv, [
      ...["-t", "5", "-j", "1", "tests/airgap/**/*.test.ts"],
    ]);
  });

  for (const words of [
    ["tests/nowhere"],
    ["tests/airgap", "tests/nope*.test.ts"],
    ["bin"],
    ["tests/docs/none.test.ts"],
  ])
    it(`fails for what stands for no test, by name: ${words.join(" ")}`, async () => {
      const { exitCode, stderr } = await given(...words);
      equal(exitCode, 1);
      match(
        stderr,
        new RegExp(
          `expected tests \\(\\*\\.test\\.ts\\) for ${words.at(-1)?.replaceAll("*", "\\*")}, got none`,
        ),
      );
    });

  it("fails when no title matches --grep", async () => {
    const { exitCode, stdout } = await mocha("--grep", "no title is like this", "tests/cli/env.test.ts");
    equal(exitCode, 1);
    match(stdout, /0 passing/);
  });
});
