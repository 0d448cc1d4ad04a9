import { runTraffic } from "../../sandbox/traffic/run-traffic.ts";

/**
 * The first of these rates, in requests a second, that the machine has room for beside its other work, or half of the
 * last: where a backlog never ends, each request fails by its time limit, whatever a restart does.
 */
export async function findRate(app: string, rates: readonly number[]): Promise<number> {
  for (const rate of rates) {
    const { p99Ms } = await runTraffic({ app, rate, seconds: 3 });
    if (p99Ms < 500) return rate;
  }
  return Math.ceil((rates.at(-1) ?? 0) / 2);
}
