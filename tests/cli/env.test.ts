import { deepEqual, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renderEnvironment } from "../../cli/env.ts";

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
});
