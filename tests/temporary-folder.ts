import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** A new, empty folder of this process; it is gone when the process ends. */
export function temporaryFolder(name = "files"): string {
  if (made.length === 0) process.once("exit", removeAll);
  // Without links in it: what is compared with what a program says of its own folder has to be the same.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `rollout-${name}-`)));
  made.push(folder);
  return folder;
}

function removeAll(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
}
