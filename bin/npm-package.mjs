import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { makeCached } from "./cached.mjs";
import { IMPATIENCE } from "./dependencies.mjs";
import { cacheFolder } from "./paths.mjs";
import { SetupError, say } from "./say.mjs";

/** npm checks the package against the registry's checksum; its scripts do not run. */
function install(folder, wanted) {
  const args = ["install", "--prefix", folder, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", [...args, ...IMPATIENCE, wanted], { cwd: folder, encoding: "utf8" });
  if (npm.status === 0) return;
  const lines = (npm.error ? npm.error.message : npm.stderr).trim().split("\n");
  const reason = lines.find((line) => line.includes("npm error")) || lines[0];
  throw new SetupError(`npm install ${wanted}: ${reason}`);
}

/**
 * A package that tests ask for and the product does not, fetched once into the user's cache.
 * @param as its name in the cache
 * @param within the folder in the package that is kept
 * @param prepare is given the folder of the package before anybody sees it
 * @returns the folder that is kept, or why there is none.
 */
export async function fetchPackage(name, version, { as, within = ".", prepare = () => {} }) {
  const folder = join(cacheFolder(), as);
  const wanted = `${name}@${version}`;
  const make = (part) => {
    say(`Tests: fetching ${wanted}, once for all checkouts`);
    install(part, wanted);
    const unpacked = join(part, "node_modules", name);
    prepare(unpacked);
    return join(unpacked, within);
  };
  try {
    await makeCached(folder, { waiting: `Tests: another run fetches ${wanted}, waiting …`, make });
    return { folder };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { missing: error.message };
  }
}

/** The gate fetches all of them first, so that there nothing is skipped. */
export async function fetchAll(versions, fetchOne) {
  for (const major of Object.keys(versions)) {
    const { missing } = await fetchOne(major);
    if (!missing) continue;
    say(`test: expected ${missing} for tests, got none. See npm's message.`);
    process.exitCode = 2;
  }
}
