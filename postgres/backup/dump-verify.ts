import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hashFile } from "../../system/sha256.ts";
import { listFiles } from "./dump-files.ts";
import { MANIFEST, type StoredBackup } from "./dump-store.ts";

/** Files beside the manifest that say something about the backup and are no part of it. */
const NOTES = new Set([MANIFEST, "released.json", "proof.json"]);

/** Ways in which the files differ from the manifest by presence and size: cheap, no content is read. */
export async function compareSizes({ folder, manifest }: StoredBackup): Promise<string[]> {
  const faults: string[] = [];
  for (const { path, bytes } of manifest.files) {
    const size = await stat(join(folder, path)).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) faults.push(`${path} is missing`);
    else if (size !== bytes) faults.push(`${path} has ${size} bytes, not ${bytes}`);
  }
  return faults;
}

/** Ways in which the files differ from the manifest; every byte is read. Empty = the backup is as it was taken. */
export async function compareContents(backup: StoredBackup, signal?: AbortSignal): Promise<string[]> {
  const { folder, manifest } = backup;
  const faults = await compareSizes(backup);
  if (faults.length > 0) return faults;
  for (const { path, sha256 } of manifest.files) {
    const found = await hashFile(join(folder, path), signal);
    if (found !== sha256)
      faults.push(`${path} has SHA-256 ${found.slice(0, 16)}…, not ${sha256.slice(0, 16)}…`);
  }
  const known = new Set(manifest.files.map(({ path }) => path));
  for (const path of await listFiles(folder)) {
    if (!known.has(path) && !NOTES.has(path)) faults.push(`${path} is not in the manifest`);
  }
  return faults;
}
