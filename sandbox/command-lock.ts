import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../errors/step-error.ts";
import { releaseLockFile, takeLockFile } from "../processes/lock-file.ts";
import { identifySelf, type ProcessOnHost } from "../processes/process-identity.ts";
import type { SandboxPaths } from "./paths.ts";

const WAIT_MS = 120_000;

/**
 * Runs `work` while no other command changes this sandbox; a second one waits for the first.
 * The lock of a process that has ended counts for nothing.
 */
export async function withSandboxLock<T>(
  paths: SandboxPaths,
  log: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const file = join(paths.folder, "lock");
  const self = identifySelf();
  await waitForLock(file, self, log);
  try {
    return await work();
  } finally {
    releaseLockFile(file, self);
  }
}

async function waitForLock(file: string, self: ProcessOnHost, log: (line: string) => void): Promise<void> {
  const until = Date.now() + WAIT_MS;
  for (let told = false; ; told = true) {
    const holder = takeLockFile(file, self);
    if (!holder) return;
    if (!told) log(`waiting for another sandbox command (pid ${holder.pid})`);
    if (Date.now() > until) throw heldTooLong(file, holder.pid);
    await sleep(100);
  }
}

function heldTooLong(file: string, pid: number): StepError {
  return new StepError(
    `sandbox: expected the lock ${file} within ${WAIT_MS / 1000} s, got process ${pid} still holding it. ` +
      "Wait for that command, or end it and remove the file.",
  );
}
