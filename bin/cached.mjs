import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { holdLock } from "./lock.mjs";
import { cacheFolder } from "./paths.mjs";
import { say } from "./say.mjs";

/**
 * Makes a folder in the user's cache, unless it is there. Whoever comes second waits for the first.
 * @param waiting what that one is told
 * @param make is given an empty folder to work in. What it returns, or else that folder, gets the name when it is whole.
 */
export async function makeCached(folder, { waiting, make }) {
  if (existsSync(folder)) return;
  mkdirSync(cacheFolder(), { recursive: true });
  const release = await holdLock(`${folder}.lock`, () => say(waiting));
  const part = `${folder}.part-${process.pid}`;
  try {
    if (existsSync(folder)) return;
    mkdirSync(part);
    const made = await make(part);
    renameSync(made || part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
    release();
  }
}
