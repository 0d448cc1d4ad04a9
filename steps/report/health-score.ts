/** How healthy the changed column is; defined in docs/health-score.md. */
export interface HealthScore {
  /** Share of rows whose value is in `allowed`, percent, one decimal, rounded down. Null for an empty table. */
  percent: number | null;
  status: "healthy" | "fair" | "poor" | "empty";
}

/** Lowest percent for each status. Change docs/health-score.md with them. */
const HEALTHY_PERCENT = 95;
const FAIR_PERCENT = 80;

/**
 * Rounded down, so that 100.0 % means every single row: a rounded-up score would hide the last bad ones.
 * Integers throughout, since 0.1 steps are not exact in binary.
 */
export function scoreHealth(allowedRows: number, totalRows: number): HealthScore {
  if (totalRows === 0) return { percent: null, status: "empty" };
  const percent = Number((BigInt(allowedRows) * 1000n) / BigInt(totalRows)) / 10;
  if (percent >= HEALTHY_PERCENT) return { percent, status: "healthy" };
  return { percent, status: percent >= FAIR_PERCENT ? "fair" : "poor" };
}
