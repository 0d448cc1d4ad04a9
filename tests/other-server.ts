import { cpSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "mocha";
import { testServer } from "../bin/test-servers.mjs";
import { type Cluster, startCluster } from "../postgres/backup/cluster.ts";
import { endServer } from "./database.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Settings of PostgreSQL's own; undefined takes out one that `startCluster` gives. */
type Settings = Record<string, string | undefined>;

/**
 * A PostgreSQL server of another version (`TEST_SERVERS` in bin/test-servers.mjs), started anew for each call; it ends
 * with the process. Where it cannot be had the test (or, in `before`, the whole block) is skipped, and says so.
 */
export async function otherServer(
  context: Context,
  major: number,
  settings: Settings = {},
): Promise<Cluster> {
  const found = await testServer(major);
  if ("missing" in found) {
    process.stderr.write(`SKIPPED: ${context.test?.fullTitle()}: no ${found.missing}\n`);
    return context.skip();
  }
  const directory = temporaryFolder(`pg${major}`);
  // The cache lies in a home folder, which the server's own account may not search.
  cpSync(found.folder, join(directory, "programs"), { recursive: true, verbatimSymlinks: true });
  const cluster = await startCluster({
    directory,
    settings: {
      fsync: "off",
      max_connections: "50",
      ...(major < 14 ? { client_connection_check_interval: undefined } : {}),
      ...settings,
    },
    find: (name) => join(directory, "programs/bin", name),
  });
  process.prependOnceListener("exit", () => endServer(directory));
  return cluster;
}
