import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { childEnvironment } from "../../processes/child-process.ts";
import { findProgram } from "../programs.ts";
import { serverAccount } from "./cluster.ts";

const run = promisify(execFile);

/** Where the extensions of this machine's PostgreSQL lie, by its own word: `initdb --show` prints its settings and makes nothing. */
async function extensionFolder(): Promise<string | undefined> {
  const options = { ...serverAccount(), cwd: "/", env: childEnvironment(), timeout: 20_000 };
  const { stdout, stderr } = await run(findProgram("initdb"), ["--show", "--pgdata=/nonexistent"], options);
  const share = /^share_path=(.+)$/m.exec(`${stdout}\n${stderr}`)?.[1];
  return share && join(share, "extension");
}

/** Extensions that the server of a proof can make here, by name; undefined where it can't be told. Starts no server. */
export async function availableExtensions(): Promise<ReadonlySet<string> | undefined> {
  try {
    const folder = await extensionFolder();
    if (!folder) return undefined;
    const names = (await readdir(folder)).filter((name) => name.endsWith(".control") && !name.includes("--"));
    return new Set(names.map((name) => name.slice(0, -".control".length)));
  } catch {
    return undefined;
  }
}
