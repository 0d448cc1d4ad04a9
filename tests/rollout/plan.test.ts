import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { loadConfig } from "../../config/load.ts";
import { planSteps } from "../../rollout/plan.ts";
import { digestOf } from "../../steps/run-step.ts";

interface Values {
  hosts: { services: { health?: string }[] }[];
  deployment: { keep?: number };
  [key: string]: unknown;
}

/** Digests of all steps up to phase 2, by name, of staging's own file with something changed in it. */
function digests(change: (values: Values) => void): Map<string, string> {
  const { config } = parse(readFileSync("Pulumi.staging.yaml", "utf8")) as { config: object };
  const entries = Object.entries(config).map(([key, value]) => [key.replace(/^[^:]*:/, ""), value]);
  const values = Object.fromEntries(entries) as Values;
  change(values);
  const databaseUrl = "postgres://owner:password@db.example.com:5432/diligence";
  const loaded = loadConfig({ values: { ...values, phase: 2, databaseUrl }, stack: "staging" });
  return new Map(planSteps(loaded).map(({ spec }) => [spec.identity.step, digestOf(spec)]));
}

/** Steps of phase 2 that such a change is one of. */
function changed(change: (values: Values) => void): string[] {
  const before = digests(() => undefined);
  return [...digests(change)].filter(([step, digest]) => before.get(step) !== digest).map(([step]) => step);
}

describe("a change of the configuration", () => {
  it("of a health address is none of the release, whose suites would run again", () => {
    const of = changed(({ hosts }) => {
      for (const service of hosts[0]?.services ?? []) service.health = "http://127.0.0.1:1234/health";
    });
    for (const step of ["release", "release-switch", "test-suite-on", "test-suite-off", "shadow-comparison"])
      deepEqual([step, of.includes(step)], [step, false]);
    deepEqual(of.includes("closing-restart"), true);
  });

  it("of how many releases stay is one of the switch alone", () =>
    deepEqual(
      changed(({ deployment }) => {
        deployment.keep = 7;
      }),
      ["release-switch"],
    ));
});
