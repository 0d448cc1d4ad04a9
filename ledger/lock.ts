import { mkdirSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../errors/step-error.ts";
import { readLockFile, releaseLockFile, takeLockFile } from "../processes/lock-file.ts";
import { identifySelf, isAlive, type ProcessOnHost } from "../processes/process-identity.ts";
import { explainFullDisk } from "../system/durable-file.ts";

const LOCK = "lock.json";
const HEARTBEAT_MS = 5_000;
const POLL_MS = 100;
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

function takeOrExplain(file: string, self: LockHolder): LockHolder | undefined {
  try {
    return takeLockFile(file, self, isGone);
  } catch (error) {
    throw explainFullDisk(error, LOCK, dirname(file));
  }
}

/** @returns a function that gives the store back, or who has it. */
function tryLock(folder: string, doing: string): (() => void) | LockHolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const self: LockHolder = { ...identifySelf(), doing, since: new Date().toISOString() };
  const file = join(folder, LOCK);
  const holder = takeOrExplain(file, self);
  if (holder) return holder;
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    releaseLockFile(file, self);
  };
}

/**
 * Takes the evidence store for this process: one run writes at a time. A lock left by a dead process is taken over.
 * @returns a function that gives it back.
 * @throws {StepError} when another run is at work, naming it.
 */
export function takeLock(folder: string, doing: string): () => void {
  const taken = tryLock(folder, doing);
  if (typeof taken === "function") return taken;
  throw busy(folder, taken, "Wait for it; if its run was killed, `npx rollout recover` ends it.");
}

export interface LockWait {
  waitSeconds: number;
  /** What to do when the wait was in vain, after who is at work. */
  next(holder: LockHolder): string;
  log(line: string): void;
}

/**
 * As `takeLock`, but waits for whoever is at work. A run of several steps gives the lock back after each of them, so this
 * comes in between, and its next step is refused.
 */
export async function awaitLock(
  folder: string,
  doing: string,
  { waitSeconds, next, log }: LockWait,
): Promise<() => void> {
  const until = performance.now() + waitSeconds * 1000;
  let told = "";
  for (;;) {
    const taken = tryLock(folder, doing);
    if (typeof taken === "function") return taken;
    if (performance.now() >= until) throw busy(folder, taken, next(taken));
    const who = whoIs(taken);
    if (who !== told) log(`${doing}: waiting ${waitSeconds} s at the most for ${who}`);
    told = who;
    await sleep(POLL_MS);
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Gone: `recover` took it away, and the run is about to be ended.
  }
}

const whoIs = ({ doing, pid, host, since }: LockHolder) =>
  `\`${doing}\` (pid ${pid} on ${host}, since ${since})`;

function busy(folder: string, holder: LockHolder, next: string): StepError {
  return new StepError(`evidence: expected no other run on ${folder}, got ${whoIs(holder)}. ${next}`);
}
