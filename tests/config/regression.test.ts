import assert from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues } from "./valid-values.ts";

const RULES = { acquisition: "identical" };

function faultsOf(regression: object): readonly string[] {
  try {
    loadConfig({
      values: validValues({ regression: { rules: RULES, ...regression } }),
      stack: "prod",
      sandbox: () => undefined,
    });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

describe("regression in the config", () => {
  for (const [what, section] of [
    ["the tolerance of the runbook", {}],
    ["that one, said", { tolerance: { percent: "5.0" } }],
    ["another one, with its reason", { tolerance: { percent: "2.5", reason: "prices are fixed" } }],
  ] as [string, object][])
    it(`takes ${what}`, () => assert.deepEqual(faultsOf(section), []));

  for (const [what, section, said] of [
    [
      "another tolerance without a reason",
      { tolerance: { percent: "10" } },
      /regression\.tolerance\.reason.*a reason for a tolerance other than 5 %|a reason for a tolerance other than 5 %.*regression\.tolerance\.reason/,
    ],
    ["a blank reason", { tolerance: { percent: "10", reason: "  " } }, /regression\.tolerance\.reason/],
    ["a tolerance that is a number", { tolerance: { percent: 5 } }, /regression\.tolerance\.percent/],
    ["a field left out without a reason", { ignore: [{ field: "took" }] }, /regression\.ignore\[0\]\.reason/],
    ["a deal accepted without a reason", { accepted: [{ key: "7" }] }, /regression\.accepted\[0\]\.reason/],
    ["no rules", { rules: undefined }, /regression\.rules/],
  ] as [string, object, RegExp][])
    it(`refuses ${what}`, () => assert.match(faultsOf(section).join("\n"), said));
});
