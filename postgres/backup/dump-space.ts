import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Client } from "pg";

/** Room that is never planned away: the disk may be shared with the evidence. */
const RESERVE_BYTES = 32 * 1024 * 1024;

/**
 * Most bytes that a dump may need: the size of the whole database, indexes included. A compressed dump is nearly always
 * far smaller; a dump that stops half-way for want of room is worse than a refusal. (Sizes of single tables would be
 * closer, but reading them waits for exclusive locks.)
 */
export async function estimateDumpBytes(client: Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    "SELECT pg_database_size(current_database())::text AS bytes",
  );
  return Number(rows[0]?.bytes ?? 0);
}

/** Bytes free for this user on the disk of a folder, or of its nearest parent that is there: nothing is made. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(folder) === folder) throw error;
    return freeBytes(dirname(folder));
  }
}

/** `1.5 GiB`. */
export function showBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/** Bytes that are missing for a dump of this size; 0 = it fits. */
export const missingBytes = (needed: number, free: number): number =>
  Math.max(0, needed + RESERVE_BYTES - free);

/** What is asked for, the reserve included, what is there, and what to free; undefined where it fits. */
export function describeMissing(needed: number, free: number, folder: string): string | undefined {
  const missing = missingBytes(needed, free);
  if (missing === 0) return undefined;
  const wanted = showBytes(needed + RESERVE_BYTES);
  return `expected ${wanted} free for ${folder}, got ${showBytes(free)}. Free ${showBytes(missing)} on that disk`;
}
