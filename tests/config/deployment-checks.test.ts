import { deepEqual, match } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues } from "./valid-values.ts";

function faultsOf(changed: Record<string, unknown>): string {
  try {
    loadConfig({ values: validValues(changed), stack: "prod", sandbox: () => undefined });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.join("\n");
    throw error;
  }
  return "";
}

const shadow = (rules: unknown) => ({ shadow: { command: ["serve", "{port}"], rules } });
const smokeTest = (changed: object) => ({
  smokeTest: {
    create: { path: "/deals", body: { target_name: "T" } },
    analyse: { path: "/deals/{key}/analysis" },
    remove: { path: "/deals/{key}" },
    marker: { prefix: "rollout-smoke-" },
    cases: [{ type: "carveout", rules: [{ field: "costs[].kind", includes: "tsa" }] }],
    ...changed,
  },
});

describe("shadow and smokeTest", () => {
  it("take rules by type, and identical", () => {
    const ratio = { field: "cost_total", ratio: { min: "1.2", max: "2" } };
    deepEqual(faultsOf(shadow({ acquisition: "identical", carveout: [ratio] })), "");
    deepEqual(faultsOf(smokeTest({})), "");
  });

  for (const [what, changed, said] of [
    ["no rules at all", shadow(undefined), /an object for shadow\.rules/],
    [
      "a word that is no rule",
      shadow({ carveout: "same" }),
      /expected identical or a list with at least one entry for shadow\.rules\.carveout/,
    ],
    [
      "a ratio in floating point",
      shadow({ carveout: [{ field: "cost_total", ratio: { min: 1.2, max: "2" } }] }),
      /a quoted decimal such as "1\.15" for shadow\.rules\.carveout\[0\]\.ratio\.min/,
    ],
    [
      "a ratio upside down",
      shadow({ carveout: [{ field: "cost_total", ratio: { min: "3", max: "2" } }] }),
      /a min that is not above max for shadow\.rules\.carveout\[0\]\.ratio/,
    ],
    [
      "two rules in one",
      shadow({ carveout: [{ field: "a", includes: "x", excludes: "y" }] }),
      /one of includes, excludes and ratio for shadow\.rules\.carveout\[0\]/,
    ],
    [
      "a misspelt rule",
      shadow({ carveout: [{ field: "a", include: "x" }] }),
      /Did you mean shadow\.rules\.carveout\[0\]\.includes\?/,
    ],
    [
      "a path that is none",
      shadow({ carveout: [{ field: "a..b", includes: "x" }] }),
      /a dotted path such as/,
    ],
    [
      "a ratio in a smoke test",
      smokeTest({ cases: [{ type: "a", rules: [{ field: "a", ratio: {} }] }] }),
      /got smokeTest\.cases\[0\]\.rules\[0\]\.ratio/,
    ],
    [
      "a marker that real deals may have",
      smokeTest({ marker: { prefix: "deal" } }),
      /text of 8 to 60 characters for smokeTest\.marker\.prefix/,
    ],
    [
      "a path without the key",
      smokeTest({ remove: { path: "/deals" } }),
      /holds \{key\} for smokeTest\.remove\.path/,
    ],
  ] as const)
    it(`refuse ${what}`, () => match(faultsOf(changed), said));
});
