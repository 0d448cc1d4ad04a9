import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Folders that `work` forces to the disk, each with the names that were in it just then. Everything is done for real. */
export async function syncedFolders(
  work: () => Promise<unknown>,
): Promise<{ path: string; names: string[] }[]> {
  const handle = await open("/");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync } = prototype;
  const synced: { path: string; names: string[] }[] = [];
  prototype.sync = async function (this: FileHandle) {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`);
    if (lstatSync(path).isDirectory()) synced.push({ path, names: readdirSync(path) });
    return sync.call(this);
  };
  try {
    await work();
  } finally {
    prototype.sync = sync;
  }
  return synced;
}
