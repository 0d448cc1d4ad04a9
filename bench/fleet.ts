import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Host } from "../config/target.ts";
import { readSandbox } from "../sandbox/description.ts";
import { describeHost, type HostPlan } from "../sandbox/host/host.ts";
import { prepareHost } from "../sandbox/host/host-folder.ts";
import { startHost, stopHost } from "../sandbox/host/service.ts";
import { sandboxPaths } from "../sandbox/paths.ts";
import { isPortFree } from "../sandbox/ports.ts";
import { ensureRepository } from "../sandbox/releases/repository.ts";

/** Hosts beside the sandbox's own, on its database, each with one worker that runs the feature release. */
export interface Fleet {
  hosts: Host[];
  release: string;
  stop(): Promise<void>;
}

const FIRST_PORT = 18_000;

async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let port = FIRST_PORT; ports.length < count; port += 1) if (await isPortFree(port)) ports.push(port);
  return ports;
}

function planHost(folder: string, port: number): HostPlan {
  return {
    ...{ name: folder.slice(folder.lastIndexOf("/") + 1), folder },
    ...{ appDir: join(folder, "app"), envFile: join(folder, "diligence.env") },
    units: [
      {
        unit: "diligence-worker",
        kind: "worker",
        entry: "worker.ts",
        processes: 1,
        port,
        timeoutStopMs: 10_000,
      },
    ],
  };
}

/** Starts that many hosts, one after the other. Needs a running sandbox. */
export async function startFleet(count: number): Promise<Fleet> {
  const sandbox = readSandbox();
  if (!sandbox) throw new Error("bench: expected a running sandbox, got none. Run: npm start");
  const { feature } = await ensureRepository(sandbox.repository);
  const { DATABASE_URL = "" } = parseEnv(readFileSync(sandbox.hosts[0]?.envFile ?? "", "utf8"));
  // Below the checkout: a release finds its dependencies there.
  const root = mkdtempSync(join(sandboxPaths().folder, "fleet-"));
  const plans = (await freePorts(count)).map((port, index) => planHost(join(root, `host-${index}`), port));
  const stop = async () => {
    await Promise.all(plans.map(stopHost));
    rmSync(root, { recursive: true, force: true });
  };
  try {
    for (const plan of plans) {
      await prepareHost(plan, sandbox.repository, feature, DATABASE_URL);
      await startHost(plan);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { hosts: plans.map(describeHost), release: feature, stop };
}
