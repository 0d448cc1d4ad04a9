import { chmod, open, readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { hashFile } from "../../system/sha256.ts";

/** A file of a backup, path relative to the backup's folder. */
export interface DumpFile {
  path: string;
  bytes: number;
  sha256: string;
}

/** Paths of all files below a folder, relative to it, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Reads every file back and hashes it. */
export async function hashFiles(folder: string, signal?: AbortSignal): Promise<DumpFile[]> {
  const files: DumpFile[] = [];
  for (const path of await listFiles(folder)) {
    const { size } = await stat(join(folder, path));
    files.push({ path, bytes: size, sha256: await hashFile(join(folder, path), signal) });
  }
  return files;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes all that lies below a folder private, and forces it and its names to the disk. */
export async function sealFolder(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = [folder];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else {
      await chmod(path, 0o600);
      await sync(path);
    }
  }
  for (const path of folders) {
    await chmod(path, 0o700);
    await sync(path);
  }
}
