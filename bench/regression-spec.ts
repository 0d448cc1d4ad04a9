import { OutputsSection } from "../config/outputs.ts";
import { RegressionSection } from "../config/regression.ts";
import type { RegressionSpec } from "../steps/regression.ts";
import { CHANGE } from "./deals-table.ts";

/** Steps that the snapshots are of. */
export const STEPS = {
  pre: { phase: "pre-flight", step: "output-snapshot" },
  post: { phase: "validation", step: "post-snapshot" },
};

export const snapshotSpec = () => ({ change: CHANGE, outputs: OutputsSection.parse({}) });

/** What bench/compare_snapshots.py checks as well. */
const SECTION = RegressionSection.parse({
  rules: {
    acquisition: "identical",
    carveout: [
      { field: "costs[].kind", includes: "separation" },
      { field: "costs[].kind", includes: "tsa" },
      { field: "synergies[].kind", excludes: "consolidation" },
      { field: "cost_total", ratio: { min: "1.5", max: "3" } },
    ],
    divestiture: [
      { field: "costs[].kind", includes: "extraction" },
      { field: "synergies[].kind", excludes: "consolidation" },
    ],
  },
});

export const regressionSpec = (evidence: string): RegressionSpec => ({
  ...{ specVersion: 1, generation: 1, deadlineSeconds: 3600, change: CHANGE, regression: SECTION, ...STEPS },
  identity: { stack: "bench", phase: "validation", step: "regression", evidenceUrl: `file:${evidence}` },
  ignoredColumns: [],
});
