import { existsSync, readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { writeDurably } from "../system/durable-file.ts";
import { PROJECT_ROOT, sandboxPaths } from "./paths.ts";

/** A service of the app on a host: its unit and where each of its processes tells who it is. */
const Service = z.strictObject({
  unit: z.string().min(1),
  kind: z.enum(["web", "worker"]),
  /** Processes behind the one health address. */
  processes: z.int().min(1),
  health: z.url(),
  /** Unit that keeps the address while the service restarts. */
  socket: z.string().min(1).optional(),
});

const Host = z.strictObject({
  name: z.string().min(1),
  /** Folder of the host's own programs: `systemctl`. */
  path: z.string().min(1),
  /** Holds `releases/<sha>` and the symlink `current`. */
  appDir: z.string().min(1),
  envFile: z.string().min(1),
  services: z.array(Service).min(1),
});

/** What runs where: written by `sandbox up`, removed by `sandbox down`, read by all other parts. */
export const Sandbox = z.strictObject({
  version: z.literal(1),
  /** Connection string of the tables' owner, usable by psql as it is. A secret: the file has mode 0600. */
  database: z.string().min(1),
  /** Base URL of the app: the balancer's, before all hosts. */
  app: z.url(),
  /** Path of the generated git repository that holds the app's releases. */
  repository: z.string().min(1),
  hosts: z.array(Host).min(1),
});
export type Sandbox = z.infer<typeof Sandbox>;

/**
 * The description of this checkout's sandbox, or undefined when none is up.
 * It says what was started; whether it still runs is told by `sandboxStatus`.
 * @throws {StepError} when the file is there and can't be read as a description.
 */
export function readSandbox({ checkout = PROJECT_ROOT }: { checkout?: string } = {}): Sandbox | undefined {
  const file = sandboxPaths(checkout).description;
  if (!existsSync(file)) return undefined;
  try {
    return Sandbox.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new StepError(
      `sandbox: expected a sandbox description (version 1) in ${file}, got something else. ` +
        "Run `npx rollout sandbox down` and `npx rollout sandbox up`.",
      { cause },
    );
  }
}

/** Written only when it changes, and then by rename: a reader never sees half a file. */
export function writeSandbox(checkout: string, sandbox: Sandbox): void {
  const file = sandboxPaths(checkout).description;
  const text = `${JSON.stringify(sandbox, null, 2)}\n`;
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  writeDurably(file, text);
}

export function removeSandbox(checkout: string): void {
  rmSync(sandboxPaths(checkout).description, { force: true });
}
