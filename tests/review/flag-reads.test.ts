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
    'on = read_flag("DEAL_TYPE_AWARENESS", default=False)',
    'from decouple import config; on = config("DEAL_TYPE_AWARENESS")',
    "class Settings(BaseSettings):\n    deal_type_awareness: bool = False\n",
    'class Base(pydantic_settings.BaseSettings):\n    model_config = SettingsConfigDict(env_file=".env")\n\nclass Settings(Base):\n    model_config = SettingsConfigDict(env_prefix="DEAL_")\n\n    type_awareness: bool = False\n',
    'class Settings(BaseSettings):\n    aware: bool = Field(\n        False, validation_alias="DEAL_TYPE_AWARENESS"\n    )\n',
    '@click.option("--aware", envvar="DEAL_TYPE_AWARENESS")',
    "$on = $_ENV['DEAL_TYPE_AWARENESS'];",
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
    [
      "class Settings(BaseSettings):\n    deal_type_awareness_enabled: bool = False\n",
      "2 deal_type_awareness_enabled",
    ],
    ['from decouple import config\nx = config("DEAL_TYPE_AWARE")', "2 DEAL_TYPE_AWARE"],
    ['if "DEAL_TYPE_AWARENESS_ENABLED" in os.environ:', "1 DEAL_TYPE_AWARENESS_ENABLED"],
  ] as const)
    it(`are told by line when the name is another: ${wrong}`, () =>
      assert.deepEqual(reads(text), { right: [], wrong: [wrong] }));

  for (const [what, text] of [
    ["a constant", "if DEAL_TYPE_AWARENESS_ENABLED:\n  run()"],
    ["a key of the app's own settings", 'app.config["DEAL_TYPE_AWARENESS_ENABLED"] = on'],
    [
      "a constant of the flag's own name",
      "DEAL_TYPE_AWARENESS = True\nif settings.DEAL_TYPE_AWARENESS:\n  run()",
    ],
    [
      "a key of the flag's own name",
      'on = app.config["DEAL_TYPE_AWARENESS"] or app.config.get("DEAL_TYPE_AWARENESS")',
    ],
    ["a key of a table", 'FLAGS = {"DEAL_TYPE_AWARENESS": True}'],
    ["an attribute", 'on = getattr(settings, "DEAL_TYPE_AWARENESS", False)'],
    ["a field of another class", "class Flags(BaseModel):\n    deal_type_awareness: bool = True\n"],
    ["a name in a text", 'x = f"{DEAL_TYPE_AWARENESS} is the flag"'],
    ["another variable", 'x = os.getenv("DEAL_LIMIT")'],
    [
      "a comment",
      '# was os.getenv("DEAL_TYPE_AWARENESS_ENABLED")\nx = 1  # not os.getenv("DEAL_TYPE_AWARENESS")',
    ],
  ] as const)
    it(`are not: ${what}`, () => assert.deepEqual(reads(text), { right: [], wrong: [] }));

  it("are told apart from settings that set the variable", () => {
    const text =
      "services:\n  web:\n    environment:\n      DEAL_TYPE_AWARENESS: $\u007bDEAL_TYPE_AWARENESS:-false}\n      # DEAL_TYPE_AWARENESS: x\n";
    const { right, set } = findFlagReads({ path: "compose.yaml", text }, FLAG);
    assert.deepEqual([right.map(({ line }) => line), set.map(({ line }) => line)], [[4], [4]]);
    const elsewhere = findFlagReads({ path: "page.ts", text: "`$\u007bDEAL_TYPE_AWARENESS}`" }, FLAG);
    assert.deepEqual(elsewhere, { right: [], wrong: [], set: [] });
  });

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
