import { deepEqual, doesNotMatch, equal, notEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { BEFORE, toolchainEnvironment } from "../../bin/toolchain.mjs";
import { renderEnvironment, renderKept } from "../../cli/env.ts";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";

describe("rollout env", () => {
  it("prints only what the shell does not have so already", () => {
    deepEqual(renderEnvironment({ A: "1", B: "2", C: undefined, D: undefined }, { A: "1", B: "x", C: "y" }), [
      "export B=2",
      "unset C",
    ]);
  });

  it("survives the shell whatever a path holds", () => {
    const value = '/a b/$HOME/`id`/it\'s\n"here"';
    const lines = renderEnvironment({ PULUMI_HOME: value }, {}).join("\n");
    equal(
      execFileSync("sh", ["-c", `eval "$1"; printf %s "$PULUMI_HOME"`, "sh", lines], { encoding: "utf8" }),
      value,
    );
  });

  it("keeps what the shell had in the shell itself, a passphrase unprinted", () => {
    const wanted = {
      PULUMI_HOME: "/ours",
      PULUMI_CONFIG_PASSPHRASE: undefined,
      PULUMI_STACK: "sandbox",
      PATH: "/x",
    };
    const lines = renderKept(wanted, {
      PULUMI_HOME: "/their's",
      PULUMI_CONFIG_PASSPHRASE: "canary",
      PATH: "/y",
    });
    doesNotMatch(lines.join(), /canary|their/);
    const script = `eval "$1"; printf '%s|%s' "$ROLLOUT_BEFORE_PULUMI_HOME" "$ROLLOUT_BEFORE_PULUMI_CONFIG_PASSPHRASE"`;
    const env = { PULUMI_HOME: "/their's", PULUMI_CONFIG_PASSPHRASE: "canary" };
    equal(
      execFileSync("sh", ["-c", script, "sh", lines.join("\n")], { encoding: "utf8", env }),
      "/their's|canary",
    );
    deepEqual(renderKept(wanted, { ...wanted, PULUMI_CONFIG_PASSPHRASE: undefined }), []);
  });
});

describe("another stack in a shell of `rollout env`", () => {
  const NAMES = [
    "PULUMI_BACKEND_URL",
    "PULUMI_HOME",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_CONFIG_PASSPHRASE",
  ];
  const own = join(PROJECT_ROOT, ".rollout");
  const inShell = {
    PULUMI_BACKEND_URL: `file://${join(own, "state")}`,
    PULUMI_HOME: join(own, "pulumi-home"),
    PULUMI_CONFIG_PASSPHRASE_FILE: join(own, "passphrase"),
    PULUMI_STACK: "sandbox",
  };
  const saved = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    Object.assign(process.env, saved);
  });
  const seen = (stack: string) => {
    const all: Record<string, string | undefined> = { ...process.env, ...toolchainEnvironment({ stack }) };
    return NAMES.map((name) => all[name]);
  };

  it("is not led to the sandbox's backend, home and passphrase", () => {
    for (const name of NAMES) delete process.env[name];
    Object.assign(process.env, inShell);
    const [url, home, file, passphrase] = seen("production");
    deepEqual([url, file, passphrase], [undefined, undefined, undefined]);
    notEqual(home, inShell.PULUMI_HOME);
  });

  it("has back what the shell had before, and so has the line that `rollout env --stack` prints", () => {
    Object.assign(process.env, inShell, {
      [`${BEFORE}PULUMI_BACKEND_URL`]: "s3://state",
      [`${BEFORE}PULUMI_CONFIG_PASSPHRASE`]: "theirs",
    });
    delete process.env.PULUMI_CONFIG_PASSPHRASE;
    const [url, , file, passphrase] = seen("production");
    deepEqual([url, file, passphrase], ["s3://state", undefined, "theirs"]);
    const lines = renderEnvironment(toolchainEnvironment({ stack: "production" }), process.env);
    equal(lines.includes("export PULUMI_BACKEND_URL=s3://state"), true);
    equal(lines.includes("unset PULUMI_CONFIG_PASSPHRASE_FILE"), true);
    equal(lines.includes("unset PULUMI_STACK"), true);
  });

  it("keeps a backend that is not the sandbox's", () => {
    Object.assign(process.env, inShell, { PULUMI_BACKEND_URL: "file:///srv/state" });
    equal(seen("production")[0], "file:///srv/state");
  });
});
