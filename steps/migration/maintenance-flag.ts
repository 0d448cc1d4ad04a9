import { access, chmod, constants, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { StepError } from "../../errors/step-error.ts";

/** First line of a flag file of ours: one that somebody else put up is left alone. */
const MARK = "deal-type-rollout: maintenance under way";

const readFlag = (path: string) => readFile(path, "utf8").catch(() => undefined);

/** Why the file could not be put up; undefined when it can. */
export async function flagBlocker(path: string): Promise<string | undefined> {
  const folder = dirname(path);
  const writable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (writable) return undefined;
  return `expected a folder to write to at ${folder}, got none. Create it, or correct migration.maintenance.flagFile.`;
}

/** Puts the flag up, readable by everybody: it is others that look for it. @returns whether it is ours. */
export async function putUpFlag(path: string, stack: string): Promise<boolean> {
  try {
    await writeFile(path, `${MARK} (stack ${stack})\n`, { flag: "wx" });
    // Whatever our umask is.
    await chmod(path, 0o644);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST")
      return (await readFlag(path))?.startsWith(MARK) ?? false;
    const blocker = await flagBlocker(path);
    throw new StepError(
      `migration: ${blocker ?? `the flag ${path} can't be written: ${(error as Error).message}`}`,
      {
        cause: error,
      },
    );
  }
}

/** Takes the flag down if it is ours. */
export async function takeDownFlag(path: string): Promise<void> {
  if ((await readFlag(path))?.startsWith(MARK)) await rm(path, { force: true });
}
