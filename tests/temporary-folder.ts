import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

/** A new, empty folder of this process; it is gone when the process ends. */
export function temporaryFolder(name = "files"): string {
  if (made.length === 0) removeAtExit();
  // Without links in it: what is compared with what a program says of its own folder has to be the same.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `rollout-${name}-`)));
  made.push(folder);
  return folder;
}

/** Environment of a process that is to be killed without a warning: what it leaves in its temporary folder goes with ours. */
export function environmentToBeKilled(): NodeJS.ProcessEnv {
  return { ...process.env, TMPDIR: temporaryFolder("killed") };
}

/**
 * Also when a signal ends it: by default no exit is come to then. Mocha sends one to a worker that takes longer than a
 * second to exit, and on a busy machine the removal itself does.
 */
function removeAtExit(): void {
  process.once("exit", removeAll);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
}

function removeAll(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
}
