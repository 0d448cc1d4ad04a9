import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { StepError } from "../errors/step-error.ts";
import { isAlive, type ProcessOnHost } from "./process-identity.ts";

/** Says whether a lock's holder is gone for good, so that its lock counts for nothing. */
export type IsGone<Holder> = (holder: Holder, file: string) => boolean;

const hasEnded: IsGone<ProcessOnHost> = (holder) => isAlive(holder) === false;

/**
 * Takes a lock file for this process, over from a holder that is gone.
 * @returns undefined when it is taken; else who has it, or is about to.
 * @throws {StepError} when the file does not say who holds it.
 */
export function takeLockFile<Holder extends ProcessOnHost>(
  file: string,
  self: Holder,
  isGone: IsGone<Holder> = hasEnded,
): Holder | undefined {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${JSON.stringify(self)}\n`, { mode: 0o600 });
    // Every turn but the first means that a lock went away in between: given back, or removed as a dead one's.
    while (!createWhole(draft, file)) {
      const holder = readLockFile<Holder>(file);
      if (!holder) continue;
      const inTheWay = isGone(holder, file) ? removeDead(file, self, isGone) : holder;
      if (inTheWay) return inTheWay;
    }
    return undefined;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The lock with its content in one step: link(2) fails when the name is taken. */
function createWhole(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes a dead holder's lock. Several may have seen the dead one, and the second must not remove what the first has
 * taken since: so only who holds the lock beside it, taken in the same way, may do so, and looks once more before.
 * @returns who else is doing it, and so is about to hold the lock.
 */
function removeDead<Holder extends ProcessOnHost>(
  file: string,
  self: Holder,
  isGone: IsGone<Holder>,
): Holder | undefined {
  const beside = `${file}.taker`;
  const other = takeLockFile(beside, self, isGone);
  if (other) return other;
  try {
    const holder = readLockFile<Holder>(file);
    if (holder && isGone(holder, file)) rmSync(file, { force: true });
    return undefined;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Holder of a lock, alive or not; undefined when nobody has it. @throws {StepError} when the file doesn't say. */
export function readLockFile<Holder extends ProcessOnHost>(file: string): Holder | undefined {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(content) as Holder;
  } catch (cause) {
    throw new StepError(
      `lock: expected ${file} to say who holds it, got ${JSON.stringify(content.slice(0, 60))}. ` +
        "Remove it if no other command runs.",
      { cause },
    );
  }
}

/** Gives a lock back; one that is another's by now is left alone. */
export function releaseLockFile(file: string, self: ProcessOnHost): void {
  const holder = readLockFile(file);
  if (holder && holder.host === self.host && holder.pid === self.pid && holder.started === self.started)
    rmSync(file, { force: true });
}
