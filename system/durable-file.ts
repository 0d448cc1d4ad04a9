import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { StepError } from "../errors/step-error.ts";

/** Whether an error says that a disk or a quota is used up. */
export const isDiskFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Says what to do about a full disk; any other error is given back as it is. @param by the step that says it. */
export function explainFullDisk(error: unknown, what: string, folder: string, by = "disk"): unknown {
  if (!isDiskFull(error)) return error;
  const message = `${by}: expected room for ${what} in ${folder}, got a full disk. Free some and run again.`;
  return new StepError(message, { cause: error });
}

/** Runs `work` with an open file, and closes it whatever happens. */
export function withFile<T>(path: string, flags: string, work: (file: number) => T): T {
  const file = openSync(path, flags, 0o600);
  try {
    return work(file);
  } finally {
    closeSync(file);
  }
}

/** Puts a folder's names on the disk: a new or renamed file survives a power cut only with it. */
export const syncFolder = (folder: string): void => withFile(folder, "r", fsyncSync);

/**
 * Writes a file so that a crash leaves the old content or the new, never a part.
 * @param mode of the file; its owner's alone where nothing is said.
 * @throws {StepError} on a full disk; nothing of the new content is left there then.
 */
export function writeDurably(path: string, content: string | Uint8Array, { mode = 0o600 } = {}): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}`);
  try {
    withFile(temporary, "w", (file) => {
      // What a umask or a draft of a killed run says of the mode counts for nothing.
      fchmodSync(file, mode);
      writeFileSync(file, content);
      fsyncSync(file);
    });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw explainFullDisk(error, basename(path), folder);
  }
  syncFolder(folder);
}

/** The same for JSON that people may look at. */
export const writeJson = (path: string, value: unknown): void =>
  writeDurably(path, `${JSON.stringify(value, null, 2)}\n`);
