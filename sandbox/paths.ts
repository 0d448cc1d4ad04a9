import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StepError } from "../errors/step-error.ts";
import { sha256Of } from "../system/sha256.ts";

/** The checkout that this file belongs to. */
export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Everything a sandbox keeps lies here (the data of a root user's PostgreSQL excepted, see `clusterFolder`). */
export interface SandboxPaths {
  checkout: string;
  /** `<checkout>/.sandbox` */
  folder: string;
  /** The description for the other parts, see description.ts. */
  description: string;
  /** The generated git repository of the app's releases. */
  repository: string;
  hosts: string;
  /** Record and journal of the balancer before the hosts. */
  balancer: string;
}

export function sandboxPaths(checkout: string = PROJECT_ROOT): SandboxPaths {
  const folder = join(checkout, ".sandbox");
  return {
    checkout,
    folder,
    description: join(folder, "sandbox.json"),
    repository: join(folder, "repository"),
    hosts: join(folder, "hosts"),
    balancer: join(folder, "balancer"),
  };
}

/** Twelve hex digits that tell two checkouts on one machine apart. */
export function checkoutId(checkout: string): string {
  return sha256Of(realpathSync(checkout)).slice(0, 12);
}

/**
 * Makes `.sandbox/` and writes down which checkout it belongs to. A folder that was copied along with its
 * checkout describes the *other* checkout's server and processes: it is refused rather than shared.
 */
export function claimFolder(paths: SandboxPaths): void {
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  const file = join(paths.folder, "checkout");
  const here = realpathSync(paths.checkout);
  if (!existsSync(file)) writeFileSync(file, `${here}\n`);
  const owner = readFileSync(file, "utf8").trim();
  if (owner === here) return;
  throw new StepError(
    `sandbox: expected ${paths.folder} to belong to ${here}, got the sandbox of ${owner}. ` +
      `Was the checkout copied or moved? Move it back, or remove ${paths.folder} to begin a new sandbox.`,
  );
}

/**
 * Where the private PostgreSQL keeps its data. PostgreSQL refuses to run as root, and the user it then runs
 * as may not be able to search the folders above a checkout (`/root`): a root user's data lies in `/var`. There it
 * outlives a checkout that was removed; a new one in its place begins with data of its own.
 */
export function clusterFolder(paths: SandboxPaths): string {
  const record = join(paths.folder, "cluster");
  if (existsSync(record)) return readFileSync(record, "utf8").trim();
  const folder =
    process.getuid?.() === 0
      ? unusedFolder(
          join(writableFolder(["/var/lib", "/var/tmp"]), "deal-type-rollout", checkoutId(paths.checkout)),
        )
      : join(paths.folder, "postgres");
  writeFileSync(record, `${folder}\n`);
  return folder;
}

function unusedFolder(folder: string): string {
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? folder : `${folder}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function writableFolder(candidates: string[]): string {
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.W_OK);
      return candidate;
    } catch {
      // Read-only system folders (containers): the next one.
    }
  }
  throw new StepError(
    `sandbox: expected a writable folder for PostgreSQL's data among ${candidates.join(", ")}, found none. ` +
      "Run as another user than root, or set ROLLOUT_SANDBOX_DATABASE_URL to a server of yours.",
  );
}
