import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/**
 * Starts a module of this checkout in `folder`, where it also writes its `journal.log`. Detached and without a pipe to
 * this process: it outlives the command that started it and holds nothing of it.
 */
export function spawnDetached(module: string, args: string[], folder: string): ChildProcess {
  const journal = openSync(join(folder, "journal.log"), "a", 0o600);
  const child = spawn(process.execPath, ["--import", TSX, module, ...args], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", journal, journal],
  });
  closeSync(journal);
  child.unref();
  return child;
}
