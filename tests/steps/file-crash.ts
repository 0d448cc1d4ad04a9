import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** What gives a file its name: between two of them nothing that anybody reads changes. */
const NAMING = ["renameSync", "linkSync"] as const;
/** What a process that is gone does no more. */
const CHANGING = [...NAMING, "rmSync", "openSync", "writeFileSync", "mkdirSync"] as const;
const CHANGING_LATER = ["rename", "rm", "open", "mkdir", "writeFile"] as const;

type Anything = (...args: never[]) => unknown;

/**
 * Runs `work` in a process that dies just before the n-th file gets its name: from then on it changes no file any more,
 * cleaning up included. @returns whether it came to that.
 */
export async function dyingBeforeName(count: number, work: () => Promise<unknown>): Promise<boolean> {
  const real = { ...fs };
  const realLater = { ...fs.promises };
  let seen = 0;
  const dead = () => seen >= count;
  const mortal =
    (change: Anything, isNaming: boolean) =>
    (...args: never[]) => {
      if (isNaming && !dead()) seen += 1;
      if (dead()) throw new Error("killed");
      return change(...args);
    };
  for (const name of CHANGING)
    Object.assign(fs, { [name]: mortal(real[name] as Anything, NAMING.includes(name as never)) });
  for (const name of CHANGING_LATER)
    Object.assign(fs.promises, {
      [name]: async (...args: never[]) => mortal(realLater[name] as Anything, name === "rename")(...args),
    });
  syncBuiltinESMExports();
  try {
    await work();
  } catch (error) {
    if (!dead()) throw error;
  } finally {
    for (const name of CHANGING) Object.assign(fs, { [name]: real[name] });
    for (const name of CHANGING_LATER) Object.assign(fs.promises, { [name]: realLater[name] });
    syncBuiltinESMExports();
  }
  return dead();
}
