import { existsSync } from "node:fs";
import pg from "pg";
import { isBalancerRunning } from "./balancer/service.ts";
import { readSandbox } from "./description.ts";
import { askAll, type Health } from "./host/health.ts";
import { planHosts } from "./host/host.ts";
import { isHostRunning } from "./host/service.ts";
import { PROJECT_ROOT, sandboxPaths } from "./paths.ts";

/** What of the sandbox runs now, asked of the parts themselves. */
export interface SandboxStatus {
  /** True when a description is there, that is, after `up` and before `down`. */
  described: boolean;
  database: "running" | "stopped";
  balancer: "running" | "stopped";
  hosts: {
    name: string;
    supervisor: "running" | "stopped";
    /** Processes that answered, by unit. Fewer than `expected`: the rest is dead or hangs. */
    units: { unit: string; expected: number; processes: Health[] }[];
  }[];
}

/** Read-only and bounded in time: what does not answer within two seconds does not run. */
export async function sandboxStatus({
  checkout = PROJECT_ROOT,
}: {
  checkout?: string;
} = {}): Promise<SandboxStatus> {
  const sandbox = readSandbox({ checkout });
  const plans = planHosts(sandboxPaths(checkout), {});
  const hosts = (sandbox?.hosts ?? []).map(async ({ name, services }) => {
    const plan = plans.find((host) => host.name === name);
    const units = services.map(async ({ unit, processes, health }) => ({
      unit,
      expected: processes,
      processes: await askAll(health, processes),
    }));
    const supervisor = plan && existsSync(plan.folder) && isHostRunning(plan) ? "running" : "stopped";
    return { name, supervisor, units: await Promise.all(units) } as const;
  });
  return {
    described: sandbox !== undefined,
    database: sandbox && (await answers(sandbox.database)) ? "running" : "stopped",
    balancer: isBalancerRunning(sandboxPaths(checkout)) ? "running" : "stopped",
    hosts: await Promise.all(hosts),
  };
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
