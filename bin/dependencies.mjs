import { spawnSync } from "node:child_process";
import { lstatSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.mjs";
import { SetupError, say } from "./say.mjs";

function modified(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats ? stats.mtimeMs : undefined;
}

/** True when node_modules is not there, or older than the lock file. */
export function needsInstall() {
  const installed = modified(join(ROOT, "node_modules", ".package-lock.json"));
  const locked = modified(join(ROOT, "package-lock.json"));
  return installed === undefined || (locked !== undefined && installed < locked);
}

/** Without a network npm's own patience lasts for ten minutes. */
export const IMPATIENCE = [
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=3000",
];

/** `npm ci` empties the folder first: through a link it would empty somebody else's. */
function refuseLink() {
  const folder = join(ROOT, "node_modules");
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  const linked = stats ? stats.isSymbolicLink() : false;
  if (!linked) return;
  throw new SetupError(
    `dependencies: expected ${folder} to be a folder of this checkout, got a link to ${readlinkSync(folder)}, out of date. ` +
      "Remove the link, then run this again.",
  );
}

/** `npm ci` without the packages' scripts: those of the SDKs would download plugins. */
export function installDependencies() {
  if (!needsInstall()) return;
  refuseLink();
  say("Dependencies: npm ci --ignore-scripts");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...IMPATIENCE];
  const { status, error } = spawnSync("npm", args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (error || status !== 0) {
    throw new SetupError(
      `dependencies: expected npm ci to succeed in ${ROOT}, got ${error ? error.message : `exit code ${status}`}. ` +
        "See npm's message above; behind a proxy or mirror set npm's `registry`.",
    );
  }
}
