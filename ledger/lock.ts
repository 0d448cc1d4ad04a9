import { mkdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { readLockFile, releaseLockFile, takeLockFile } from "../processes/lock-file.ts";
import { identifySelf, isAlive, type ProcessOnHost } from "../processes/process-identity.ts";
import { StepError } from "../steps/step.ts";

const LOCK = "lock.json";
const HEARTBEAT_MS = 5_000;
/** A holder on another machine counts as gone after this long without a heartbeat. */
const STALE_MS = 60_000;

/** Who holds the evidence store. */
export interface LockHolder extends ProcessOnHost {
  /** What it does: `apply migration`. */
  doing: string;
  since: string;
}

/** Holder of the store's lock, or undefined. Alive or not: see `isAlive`. */
export const readLock = (folder: string) => readLockFile<LockHolder>(join(folder, LOCK));

function isGone(holder: LockHolder, file: string): boolean {
  const alive = isAlive(holder);
  if (alive !== undefined) return !alive;
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > STALE_MS;
}

/**
 * Takes the evidence store for this process: one run writes at a time. A lock left by a dead process is taken over.
 * @returns a function that gives it back.
 * @throws {StepError} when another run is at work, naming it.
 */
export function takeLock(folder: string, doing: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const self: LockHolder = { ...identifySelf(), doing, since: new Date().toISOString() };
  const file = join(folder, LOCK);
  const holder = takeLockFile(file, self, isGone);
  if (holder) throw busy(folder, holder);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    releaseLockFile(file, self);
  };
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Gone: `recover` took it away, and the run is about to be ended.
  }
}

function busy(folder: string, holder: LockHolder): StepError {
  return new StepError(
    `evidence: expected no other run on ${folder}, got \`${holder.doing}\` (pid ${holder.pid} on ${holder.host}, since ${holder.since}). ` +
      "Wait for it; if its run was killed, `npx rollout recover` ends it.",
  );
}
