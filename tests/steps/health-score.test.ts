import assert from "node:assert/strict";
import { scoreHealth } from "../../steps/report/health-score.ts";

describe("health score", () => {
  const table: [number, number, number | null, string][] = [
    [0, 0, null, "empty"],
    [0, 5, 0, "poor"],
    [799, 1000, 79.9, "poor"],
    [800, 1000, 80, "fair"],
    [949, 1000, 94.9, "fair"],
    [950, 1000, 95, "healthy"],
    [1, 3, 33.3, "poor"],
    [999_999, 1_000_000, 99.9, "healthy"],
    [1_000_000, 1_000_000, 100, "healthy"],
    [9_999_999_999, 10_000_000_000, 99.9, "healthy"],
  ];
  for (const [allowed, total, percent, status] of table) {
    it(`scores ${allowed} of ${total} rows as ${percent} % ${status}`, () => {
      assert.deepEqual(scoreHealth(allowed, total), { percent, status });
    });
  }
});
