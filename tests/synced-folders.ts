import fs, { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** Folders that `work` forces to the disk, each with the names that were in it just then. Everything is done for real. */
export async function syncedFolders(
  work: () => Promise<unknown>,
): Promise<{ path: string; names: string[] }[]> {
  const handle = await open("/");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync } = prototype;
  const { fsyncSync } = fs;
  const synced: { path: string; names: string[] }[] = [];
  const note = (file: number) => {
    const path = readlinkSync(`/proc/self/fd/${file}`);
    if (lstatSync(path).isDirectory()) synced.push({ path, names: readdirSync(path) });
  };
  prototype.sync = async function (this: FileHandle) {
    note(this.fd);
    return sync.call(this);
  };
  fs.fsyncSync = (file) => {
    note(file);
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    prototype.sync = sync;
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  }
  return synced;
}
