import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { HANDED_VERBS, readHandover } from "../../cli/handed-verbs.ts";
import { buildParser } from "../../cli/parser.ts";

const OWN_VERBS = [
  "start",
  "status",
  "flag",
  "checklist",
  "investigate",
  "finish",
  "uninstall",
  "recover",
  "undo",
  "verify",
  "audit",
  "backups",
  "sandbox",
  "env",
];

/** What the command line prints for help and completion. */
function printed(...argv: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    buildParser(argv).parse(argv, {}, (error, _, output) => (error ? reject(error) : resolve(output)));
  });
}

describe("rollout --help", () => {
  it("lists every verb with what it is for", async () => {
    const help = await printed("--help");
    for (const verb of [...Object.keys(HANDED_VERBS), ...OWN_VERBS, "completion"]) {
      match(help, new RegExp(`^  rollout ${verb}\\b.* {2}\\S`, "m"));
    }
  });

  for (const verb of [...Object.keys(HANDED_VERBS), ...OWN_VERBS]) {
    it(`has an example for ${verb}`, async () => {
      match(
        await printed(verb, "--help"),
        new RegExp(`Examples:[^]*\\$ .*rollout ${verb === "env" ? "env" : verb}`),
      );
    });
  }

  it("says where Pulumi's own options are described", async () => {
    match(await printed("up", "--help"), /rollout pulumi up --help/);
  });
});

describe("a mistyped command line", () => {
  it("is refused with the verb that was most likely meant", async () => {
    await rejects(printed("statsu"), {
      message: "rollout statsu: Did you mean status?\nSee the verbs and options: rollout --help",
    });
  });

  it("is refused without a verb, with an unknown option, with an unknown action", async () => {
    await rejects(printed(), /expected a verb, got none/);
    await rejects(printed("status", "--jsn"), /rollout status: Unknown argument: jsn/);
    await rejects(printed("sandbox", "fly"), /Choices: "up", "down", "reset", "url", "traffic"/);
    await rejects(
      printed("sandbox"),
      /Not enough non-option arguments.*\nSee its words and options: rollout sandbox --help$/,
    );
  });

  it("never repeats a password that stands in it", async () => {
    await rejects(printed("zzzzzzzzzzzz", "set", "postgres://u:canary@h/d"), (error: Error) => {
      return !error.message.includes("canary");
    });
  });
});

describe("completion", () => {
  it("prints a script, and the verbs and options it asks for", async () => {
    match(await printed("completion"), /rollout-completions/);
    ok(complete("rollout", "st").includes("status"));
    ok(complete("rollout", "sandbox", "re").includes("reset"));
    ok(complete("rollout", "checklist", "t").includes("tick"));
  });
});

/** As the shell's completion function asks. */
function complete(...words: string[]): string[] {
  const argv = ["bin/rollout.mjs", "--get-yargs-completions", ...words];
  return execFileSync(process.execPath, argv, { encoding: "utf8" }).split("\n");
}

describe("Pulumi's verbs", () => {
  const sandbox = { stack: "sandbox", stackGiven: false };

  it("are handed over word by word, for the stack sandbox unless another is named", () => {
    deepEqual(readHandover(["up", "--yes"]), { verb: "up", args: ["up", "--yes"], ...sandbox });
    for (const argv of [
      ["up", "--stack", "staging"],
      ["up", "--stack=staging"],
      ["up", "-s", "staging"],
      ["--stack", "staging", "up"],
      ["-s", "staging", "up"],
    ]) {
      deepEqual(readHandover(argv), { verb: "up", args: ["up"], stack: "staging", stackGiven: true });
    }
  });

  it("take the stack that `stack init` names, so that a real one is not made in the sandbox's backend", () => {
    for (const argv of [
      ["stack", "init", "production"],
      ["pulumi", "stack", "init", "production"],
      ["stack", "select", "production"],
      ["stack", "rm", "production", "--yes"],
    ]) {
      equal(readHandover(argv)?.stack, "production");
      equal(readHandover(argv)?.stackGiven, false);
    }
    equal(readHandover(["stack", "init"])?.stack, "sandbox");
    equal(readHandover(["stack", "output", "phase"])?.stack, "sandbox");
  });

  it("keep values that look like options, blanks and what follows --", () => {
    const words = ["config", "set", "--path", 'change.normalise.spellings["Carve-Out "]', "carve out"];
    deepEqual(readHandover(words)?.args, words);
    deepEqual(readHandover(["config", "set", "x", "--", "--stack"])?.args, [
      "config",
      "set",
      "x",
      "--",
      "--stack",
    ]);
  });

  it("take any Pulumi command after `pulumi`, its help as well", () => {
    deepEqual(readHandover(["pulumi", "stack", "history", "--help"])?.args, ["stack", "history", "--help"]);
    deepEqual(readHandover(["pulumi"])?.args, []);
  });

  it("leave our verbs, help and names of JavaScript's own to the parser", () => {
    for (const argv of [["status"], ["up", "--help"], ["--help"], [], ["constructor"], ["toString"]]) {
      equal(readHandover(argv), undefined);
    }
  });
});
