import { deepEqual, match } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues } from "./valid-values.ts";

function load(changed: Record<string, unknown>) {
  return loadConfig({ values: validValues(changed), stack: "prod", sandbox: () => undefined });
}

function faultsOf(changed: Record<string, unknown>): string {
  try {
    load(changed);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.join("\n");
    throw error;
  }
  return "";
}

const suite = (changed: object) => ({ testSuite: { command: ["pytest"], ...changed } });
const outputs = (changed: object) => ({ outputs: changed });
const request = (changed: object) =>
  outputs({ requests: [{ name: "analysis", path: "/d/{key}", ...changed }] });

describe("testSuite and outputs", () => {
  it("may be left out: no suite, and the application's analysis of each deal", () => {
    const config = load({});
    deepEqual(config.testSuite, undefined);
    deepEqual(config.outputs.requests, [
      { name: "analysis", method: "GET", path: "/api/v1/deals/{key}/analysis", storesNothing: false },
    ]);
  });

  for (const [what, changed, said] of [
    ["a suite without a command", { testSuite: { expected: 5 } }, /testSuite\.command/],
    ["a command as one text", suite({ command: "pytest tests/" }), /testSuite\.command/],
    ["an empty command", suite({ command: [] }), /a list with at least one entry for testSuite\.command/],
    ["zero expected tests", suite({ expected: 0 }), /an integer from 1 to 1000000 for testSuite\.expected/],
    ["an unknown format", suite({ format: "tap" }), /one of junit, pytest for testSuite\.format/],
    [
      "a variable of our own for the suite",
      suite({ inherit: ["ROLLOUT_DATABASE_URL"] }),
      /testSuite\.inherit\[0\]/,
    ],
    ["a variable's name with shell characters", suite({ inherit: ["A;B"] }), /testSuite\.inherit\[0\]/],
    ["a misspelt key", suite({ expeted: 572 }), /expeted/],
    ["no re-run at all", suite({ rerun: { command: ["pytest"], times: 0 } }), /testSuite\.rerun\.times/],
    ["a path without the key", request({ path: "/deals" }), /a path from \/ that holds \{key\}/],
    ["another host as path", request({ path: "http://evil/{key}" }), /outputs\.requests\[0\]\.path/],
    ["a method that deletes", request({ method: "DELETE" }), /one of GET, POST/],
    [
      "a POST of which nobody says that it stores nothing",
      request({ method: "POST" }),
      /outputs\.requests\[0\]\.storesNothing/,
    ],
    ["no request", outputs({ requests: [] }), /a list with at least one entry for outputs\.requests/],
    [
      "more concurrency than is wise",
      outputs({ concurrency: 65 }),
      /an integer from 1 to 64 for outputs\.concurrency/,
    ],
    ["a rate of none", outputs({ requestsPerSecond: 0 }), /outputs\.requestsPerSecond/],
    [
      "our own variable for the command",
      outputs({ inherit: ["PULUMI_ACCESS_TOKEN"] }),
      /outputs\.inherit\[0\]/,
    ],
  ] as const)
    it(`refuses ${what}`, () => match(faultsOf(changed), said));
});
