import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Sandbox } from "../description.ts";
import type { SandboxPaths } from "../paths.ts";
import type { Ports } from "../ports.ts";
import { checkOutRelease } from "../releases/repository.ts";

/** Names of the sandbox's hosts: folders that stand for machines. */
export const HOST_NAMES = ["sandbox-a"] as const;

export const Unit = z.strictObject({
  unit: z.string(),
  kind: z.enum(["web", "worker"]),
  /** Module of the release that a process of this unit runs. */
  entry: z.string(),
  processes: z.int().min(1),
  /** The web unit's address, or the port on which the worker tells its health. */
  port: z.int(),
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

/** The plan of each host. */
export function planHosts(paths: SandboxPaths, ports: Ports): HostPlan[] {
  return HOST_NAMES.map((name) => {
    const folder = join(paths.hosts, name);
    const web = ports[webPurpose(name)] ?? 0;
    const worker = ports[workerPurpose(name)] ?? 0;
    return {
      name,
      folder,
      appDir: join(folder, "app"),
      envFile: join(folder, "diligence.env"),
      units: [
        { unit: "diligence-web", kind: "web", entry: "web.ts", processes: 2, port: web },
        { unit: "diligence-worker", kind: "worker", entry: "worker.ts", processes: 1, port: worker },
      ],
    };
  });
}

/** The host as the description has it. */
export function describeHost({ name, appDir, envFile, units }: HostPlan): Sandbox["hosts"][number] {
  const services = units.map(({ unit, kind, processes, port }) => ({
    unit,
    kind,
    processes,
    health: `http://127.0.0.1:${port}/health`,
  }));
  return { name, appDir, envFile, services };
}

/** What a new host's environment file holds. Comments and order are the user's from then on. */
export const ENV_HEADER = `# Environment of the diligence app. Read when a process starts, never again.
`;

/**
 * Folders, environment file and, on a new host, the first release. A host that has a release keeps it.
 * Returns true when something that running processes have read was changed.
 */
export async function prepareHost(
  plan: HostPlan,
  repository: string,
  firstRelease: string,
  databaseUrl: string,
): Promise<boolean> {
  mkdirSync(plan.folder, { recursive: true });
  const changed = writeEnvFile(plan.envFile, { DATABASE_URL: databaseUrl });
  const current = join(plan.appDir, "current");
  if (!existsSync(current)) {
    await checkOutRelease(repository, firstRelease, join(plan.appDir, "releases", firstRelease));
    switchRelease(plan.appDir, firstRelease);
  }
  writeFileSync(join(plan.folder, "host.json"), `${JSON.stringify(plan, null, 2)}\n`);
  return changed;
}

/** Points `current` at a release that is there, by one rename. */
export function switchRelease(appDir: string, sha: string): void {
  const next = join(appDir, "current.next");
  if (lstatSync(next, { throwIfNoEntry: false })) rmSync(next);
  symlinkSync(join("releases", sha), next);
  renameSync(next, join(appDir, "current"));
}

/** Sets these lines and leaves all others alone (the flag's among them). True when the file changed. */
export function writeEnvFile(file: string, settings: Record<string, string>): boolean {
  const before = existsSync(file) ? readFileSync(file, "utf8") : ENV_HEADER;
  let text = before;
  for (const [key, value] of Object.entries(settings)) {
    const line = `${key}=${value}`;
    const pattern = new RegExp(`^${key}=.*$`, "m");
    if (pattern.test(text)) text = text.replace(pattern, () => line);
    else text = `${text}${text.endsWith("\n") ? "" : "\n"}${line}\n`;
  }
  if (text === before) return false;
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
  return true;
}
