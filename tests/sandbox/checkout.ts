import { existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { sandboxDown } from "../../sandbox/index.ts";
import { clusterFolder, PROJECT_ROOT, sandboxPaths } from "../../sandbox/paths.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A folder that stands for another checkout on this machine: only its dependencies are this one's. */
export function makeCheckout(name = "checkout"): string {
  const checkout = temporaryFolder(name);
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(checkout, "node_modules"));
  return checkout;
}

/** Ends what runs there and removes all of it, PostgreSQL's data included. */
export async function removeCheckout(checkout: string): Promise<void> {
  await sandboxDown({ checkout, log: () => undefined });
  removeFiles(checkout);
}

/** Removes a checkout and the PostgreSQL data of its sandbox, which lie outside of it. */
export function removeFiles(checkout: string): void {
  const paths = sandboxPaths(checkout);
  if (existsSync(join(paths.folder, "cluster")))
    rmSync(clusterFolder(paths), { recursive: true, force: true });
  rmSync(checkout, { recursive: true, force: true });
}
