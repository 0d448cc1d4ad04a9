import { RegressionSection } from "../config/regression.ts";

/** What bench/compare_snapshots.py checks as well. */
export const SECTION = RegressionSection.parse({
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
