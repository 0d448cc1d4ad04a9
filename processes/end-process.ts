import { setTimeout as sleep } from "node:timers/promises";
import { isRunning, type ProcessIdentity, readProcess } from "./process-identity.ts";

/** Longest wait for a process to be gone after SIGKILL. */
const KILL_MS = 5_000;
const LOOK_MS = 20;

export interface EndOptions {
  /** Time between SIGTERM and SIGKILL. */
  graceMs: number;
  /** Signals the process's whole group when it leads one. */
  group?: boolean;
}

/**
 * SIGTERM, and SIGKILL after the grace, to exactly this process; a stranger with its number is left alone.
 * @returns once it has ended, whether it did so itself or was killed.
 */
export async function endProcess(
  identity: ProcessIdentity,
  options: EndOptions,
): Promise<"ended" | "killed"> {
  signal(identity, "SIGTERM", options);
  if (await hasEnded(identity, options.graceMs)) return "ended";
  signal(identity, "SIGKILL", options);
  await hasEnded(identity, KILL_MS);
  return "killed";
}

async function hasEnded(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (isRunning(identity)) {
    if (performance.now() >= until) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

function signal(identity: ProcessIdentity, name: "SIGTERM" | "SIGKILL", { group }: EndOptions): void {
  const { pid } = identity;
  if (!isRunning(identity)) return;
  // kill(-1) would go to every process there is.
  const leads = group === true && pid > 1 && readProcess(pid)?.group === pid;
  try {
    process.kill(leads ? -pid : pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
