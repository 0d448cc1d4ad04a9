import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readWorkers } from "../../cli/status/workers.ts";
import { readSandbox, type Sandbox } from "../../sandbox/description.ts";
import type { TrafficFigures } from "../../sandbox/traffic/figures.ts";
import { runTraffic } from "../../sandbox/traffic/run-traffic.ts";
import { Checkout } from "./checkout.ts";

const NOT_ONE_FAILED = { sent: 0, failed: 0, refused: 0, p50Ms: 0, p99Ms: 0, maxMs: 0, failures: [] };

/** Requests a second that a machine busy with other tests answers as well: a backlog would fail each by its time limit. */
const RATE = 40;

/** What all processes say of themselves, each different answer once. */
export interface Processes {
  count: number;
  releases: string[];
  flags: (boolean | null)[];
}

/** A checkout with its sandbox up, and what tests of its two hosts ask. */
export type DeployedSandbox = Awaited<ReturnType<typeof makeSandbox>>;

export async function makeSandbox({ deals }: { deals: number }) {
  const checkout = await Checkout.make();
  await checkout.rollout("sandbox", "up", "--deals", String(deals));
  const { hosts, app, repository } = readSandbox({ checkout: checkout.folder }) as Sandbox;
  const stackFile = join(checkout.folder, "Pulumi.sandbox.yaml");
  return {
    ...{ checkout, hosts, app, repository },
    /** The commit that the stack file names so. */
    releaseNamed: (name: string): string =>
      new RegExp(`${name}: "([0-9a-f]{40})"`).exec(readFileSync(stackFile, "utf8"))?.[1] ?? "",
    config: (key: string, value: string) => checkout.rollout("config", "set", "--path", key, value),
    processes: () => readProcesses(hosts),
    allRun,
    underTraffic: (work: () => Promise<unknown>) => underTraffic(app, work),
  };
}

/** Asked of the services themselves: `status` would ask Pulumi first, which some tests have taken away. */
async function readProcesses(hosts: Sandbox["hosts"]): Promise<Processes> {
  const workers = await readWorkers(hosts, []);
  return {
    count: workers.length,
    releases: [...new Set(workers.map(({ release }) => release))],
    flags: [...new Set(workers.map(({ value }) => value))],
  };
}

/** Two web processes and a worker on each of two hosts. */
function allRun(release: string, flag: boolean | null): Processes {
  return { count: 6, releases: [release], flags: [flag] };
}

/** Users at work while something is done: not one request may fail. */
async function underTraffic(app: Sandbox["app"], work: () => Promise<unknown>): Promise<TrafficFigures> {
  const stop = new AbortController();
  const traffic = runTraffic({ rate: RATE, seconds: 600, app, signal: stop.signal });
  try {
    await work();
  } finally {
    stop.abort();
  }
  const figures = await traffic;
  assert.deepEqual({ ...figures, sent: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }, NOT_ONE_FAILED);
  assert.ok(figures.sent > 200, `expected users at work, got ${figures.sent} requests`);
  return figures;
}
