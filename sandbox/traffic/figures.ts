/** How one request went. */
export type Outcome = "answered" | "failed" | "refused";

/** What the clients of the app saw. Latency counts from the moment at which a request was meant to be sent. */
export interface TrafficFigures {
  sent: number;
  /** Unexpected status, broken connection or no answer in time. */
  failed: number;
  /** No connection at all. */
  refused: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** The first failures, one line each. */
  failures: string[];
}

const KEPT_FAILURES = 10;

/** Collects outcomes. A request that failed counts with the time until it did: waiting is never hidden. */
export function createTally() {
  const latenciesMs: number[] = [];
  const counts: Record<Outcome, number> = { answered: 0, failed: 0, refused: 0 };
  const failures: string[] = [];
  return {
    add(outcome: Outcome, latencyMs: number, detail?: string): void {
      counts[outcome] += 1;
      latenciesMs.push(latencyMs);
      if (outcome !== "answered" && failures.length < KEPT_FAILURES) failures.push(detail ?? outcome);
    },
    figures(): TrafficFigures {
      const sorted = Float64Array.from(latenciesMs).sort();
      const { failed, refused } = counts;
      return {
        sent: sorted.length,
        failed,
        refused,
        p50Ms: percentile(sorted, 50),
        p99Ms: percentile(sorted, 99),
        maxMs: percentile(sorted, 100),
        failures,
      };
    },
  };
}

/** Nearest rank, in hundredths of a millisecond; 0 when there is no value. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return Math.round((sorted[rank - 1] ?? 0) * 100) / 100;
}
