import { join } from "node:path";
import { z } from "zod";
import type { Sandbox } from "../description.ts";
import type { SandboxPaths } from "../paths.ts";
import type { Ports } from "../ports.ts";

/** Names of the sandbox's hosts: folders that stand for machines. */
export const HOST_NAMES = ["sandbox-a", "sandbox-b"] as const;

/** A service of a host, as its supervisor runs it. */
export const Unit = z.strictObject({
  unit: z.string(),
  kind: z.enum(["web", "worker"]),
  /** Module of the release that a process of this unit runs. */
  entry: z.string(),
  processes: z.int().min(1),
  /** The web unit's address, or the port on which the worker tells its health. */
  port: z.int(),
  /** Unit that holds the address while the service restarts. */
  socket: z.string().optional(),
  /** Time between SIGTERM and SIGKILL. */
  timeoutStopMs: z.int().min(1),
});
export type Unit = z.infer<typeof Unit>;

/** What a host's supervisor needs to know; kept in `<folder>/host.json`. */
export const HostPlan = z.strictObject({
  name: z.string(),
  folder: z.string(),
  appDir: z.string(),
  envFile: z.string(),
  units: z.array(Unit),
});
export type HostPlan = z.infer<typeof HostPlan>;

export const webPurpose = (host: string) => `${host} web`;
export const workerPurpose = (host: string) => `${host} worker`;

/** Longer than any request or job of the app takes, and than its clients keep an idle connection for it. */
const TIMEOUT_STOP_MS = 10_000;

/** The plan of each host. */
export function planHosts(paths: SandboxPaths, ports: Ports): HostPlan[] {
  return HOST_NAMES.map((name) => {
    const folder = join(paths.hosts, name);
    return {
      name,
      folder,
      appDir: join(folder, "app"),
      envFile: join(folder, "diligence.env"),
      units: planUnits(ports[webPurpose(name)] ?? 0, ports[workerPurpose(name)] ?? 0),
    };
  });
}

function planUnits(webPort: number, workerPort: number): Unit[] {
  return [
    {
      unit: "diligence-web",
      kind: "web",
      entry: "web.ts",
      processes: 2,
      port: webPort,
      socket: "diligence-web.socket",
      timeoutStopMs: TIMEOUT_STOP_MS,
    },
    {
      unit: "diligence-worker",
      kind: "worker",
      entry: "worker.ts",
      processes: 1,
      port: workerPort,
      timeoutStopMs: TIMEOUT_STOP_MS,
    },
  ];
}

/** Folder of what stands for the host's own programs: `systemctl`. */
export const programFolder = (plan: HostPlan) => join(plan.folder, "bin");

/** The host as the description has it. */
export function describeHost(plan: HostPlan): Sandbox["hosts"][number] {
  const { name, appDir, envFile, units } = plan;
  const services = units.map(({ unit, kind, processes, port, socket }) => ({
    ...{ unit, kind, processes },
    health: `http://127.0.0.1:${port}/health`,
    ...(socket !== undefined && { socket }),
  }));
  return { name, path: programFolder(plan), appDir, envFile, services };
}
