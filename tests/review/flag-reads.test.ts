import assert from "node:assert/strict";
import { findFlagReads, isRunCode, resembles } from "../../review/flag-reads.ts";

const FLAG = "DEAL_TYPE_AWARENESS";
const reads = (text: string, path = "app.py", known: string[] = []) => {
  const { right, wrong } = findFlagReads({ path, text }, FLAG, known);
  return { right: right.map(({ line }) => line), wrong: wrong.map(({ line, name }) => `${line} ${name}`) };
};

describe("reads of the flag", () => {
  for (const text of [
    'x = os.getenv("DEAL_TYPE_AWARENESS", "false")',
    "x = os.environ['DEAL_TYPE_AWARENESS']",
    'x = os.environ.get(\n  "DEAL_TYPE_AWARENESS")',
    'DEAL_TYPE_AWARENESS_ENABLED = os.getenv("DEAL_TYPE_AWARENESS") == "true"',
    'on = env.bool("DEAL_TYPE_AWARENESS")',
    "const on = process.env.DEAL_TYPE_AWARENESS;",
    "const on = process.env?.DEAL_TYPE_AWARENESS === 'true';",
    'const on = process.env["DEAL_TYPE_AWARENESS"];',
    "const { PORT, DEAL_TYPE_AWARENESS: on } = process.env;",
    'v := os.Getenv("DEAL_TYPE_AWARENESS")',
    'on = ENV.fetch("DEAL_TYPE_AWARENESS", "false")',
    'FLAG = "DEAL_TYPE_AWARENESS"',
  ])
    it(`are found under the one name: ${text.replace("\n", " ")}`, () => {
      const found = reads(text);
      assert.equal(found.right.length, 1, JSON.stringify(found));
      assert.deepEqual(found.wrong, []);
    });

  for (const [text, wrong] of [
    ['DEAL_TYPE_AWARENESS = os.getenv("DEAL_TYPE_AWARENESS_ENABLED")', "1 DEAL_TYPE_AWARENESS_ENABLED"],
    ['import os\n\nx = os.environ["deal_type_awareness"]', "3 deal_type_awareness"],
    ['x = os.environ.get("DEALTYPE_AWARENESS")', "1 DEALTYPE_AWARENESS"],
    ["const on = process.env.ENABLE_DEAL_TYPE_AWARENESS;", "1 ENABLE_DEAL_TYPE_AWARENESS"],
    ["const {\n  PORT,\n  DEAL_TYPE_AWARE: on,\n} = process.env;", "3 DEAL_TYPE_AWARE"],
    ['if "DEAL_TYPE_AWARENESS_ENABLED" in os.environ:', "1 DEAL_TYPE_AWARENESS_ENABLED"],
  ] as const)
    it(`are told by line when the name is another: ${wrong}`, () =>
      assert.deepEqual(reads(text), { right: [], wrong: [wrong] }));

  for (const [what, text] of [
    ["a constant", "if DEAL_TYPE_AWARENESS_ENABLED:\n  run()"],
    ["a key of the app's own settings", 'app.config["DEAL_TYPE_AWARENESS_ENABLED"] = on'],
    ["another variable", 'x = os.getenv("DEAL_LIMIT")'],
    [
      "a comment",
      '# was os.getenv("DEAL_TYPE_AWARENESS_ENABLED")\nx = 1  # not os.getenv("DEAL_TYPE_AWARENESS")',
    ],
  ] as const)
    it(`are not: ${what}`, () => assert.deepEqual(reads(text), { right: [], wrong: [] }));

  it("leave out what is known to be something else", () => {
    const text = 'x = os.getenv("DEAL_TYPE_DEFAULT")';
    assert.deepEqual(reads(text).wrong, ["1 DEAL_TYPE_DEFAULT"]);
    assert.deepEqual(reads(text, "app.py", ["DEAL_TYPE_DEFAULT"]).wrong, []);
  });

  it("are looked for in code that runs, not in tests or prose", () => {
    for (const path of ["config_v2.py", "services/latest.py", "web/contest.ts", "Dockerfile"])
      assert.equal(isRunCode(path), true, path);
    for (const path of [
      "tests/x.py",
      "test_flag.py",
      "src/flag.test.ts",
      "flag_test.go",
      "README.md",
      "conftest.py",
    ])
      assert.equal(isRunCode(path), false, path);
  });

  it("resemble the flag when they hold most of its words", () => {
    assert.equal(resembles("DEAL_TYPE", FLAG), true);
    assert.equal(resembles("DEAL_LIMIT", FLAG), false);
    assert.equal(resembles(FLAG, FLAG), false);
  });

  it("are found in linear time in a file made to hurt", () => {
    const text = `${"env.".repeat(50_000)}${"{".repeat(50_000)}${" ".repeat(100_000)}os.environ[${" ".repeat(100_000)}`;
    assert.deepEqual(reads(text), { right: [], wrong: [] });
  });
});
