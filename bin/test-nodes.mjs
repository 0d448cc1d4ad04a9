import { join } from "node:path";
import { fetchAll, fetchPackage } from "./npm-package.mjs";

/** Releases of Node that tests run the entries on, beside the one that runs the tests; packages of npm, by major version. */
export const TEST_NODES = { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0" };

/** Path of a Node, or why there is none. */
export async function testNode(major) {
  const version = TEST_NODES[major];
  const name = `node-${process.platform}-${process.arch}`;
  const { folder, missing } = await fetchPackage(name, version, { as: `node-${version}` });
  return folder ? { path: join(folder, "bin/node") } : { missing: `Node ${major} (${missing})` };
}

if (process.argv[1] === import.meta.filename) await fetchAll(TEST_NODES, testNode);
