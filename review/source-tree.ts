import type { Dirent } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import picomatch from "picomatch";

/** Folders that hold nothing of the application's own. */
const FOREIGN = new Set([
  ...[".git", ".hg", ".svn", "node_modules", "__pycache__", "venv", ".venv", "site-packages"],
  ...["dist", "build", ".tox", ".mypy_cache", ".pytest_cache", ".next", "target", "vendor"],
]);

/** Bounds: a review ends in seconds and fits in memory, whatever it is pointed at. */
export const TREE_LIMITS = {
  files: 20_000,
  fileBytes: 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
  depth: 40,
};
export type TreeLimits = typeof TREE_LIMITS;

/** One text file of a tree. */
export interface SourceFile {
  /** Path from the project's root, or absolute outside of it. */
  path: string;
  text: string;
}

/** What was left unread, so that nobody takes silence for a clean bill. */
export interface TreeGaps {
  tooLarge: string[];
  unreadable: string[];
  /** True when a bound was reached before the end. */
  cut: boolean;
}

export interface TreeOptions {
  ignore?: readonly string[];
  limits?: Partial<TreeLimits>;
  signal: AbortSignal;
}

interface Walk {
  root: string;
  matches: (path: string) => boolean;
  ignored: (path: string) => boolean;
  limits: TreeLimits;
  signal: AbortSignal;
  gaps: TreeGaps;
  files: number;
  bytes: number;
}

/** The folder of a place, and the pattern below it. A plain folder matches all that is in it. */
function splitPlace(place: string): { root: string; pattern: string } {
  const { base, glob } = picomatch.scan(place);
  return { root: resolve(base || "."), pattern: glob || "**" };
}

async function readText(path: string, walk: Walk): Promise<string | undefined> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    if (size > walk.limits.fileBytes) {
      walk.gaps.tooLarge.push(path);
      return undefined;
    }
    // A file may grow while it is read.
    const buffer = Buffer.alloc(Math.min(size, walk.limits.fileBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    walk.bytes += bytesRead;
    // A NUL near the start: no source.
    return buffer.subarray(0, Math.min(bytesRead, 8192)).includes(0)
      ? undefined
      : buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function* visit(folder: string, depth: number, walk: Walk): AsyncGenerator<SourceFile> {
  walk.signal.throwIfAborted();
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch {
    walk.gaps.unreadable.push(folder);
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (walk.gaps.cut) return;
    const path = join(folder, entry.name);
    const below = relative(walk.root, path);
    if (walk.ignored(below)) continue;
    // Symbolic links are not followed: no loops, and nothing outside of what was named.
    if (entry.isDirectory() && !FOREIGN.has(entry.name)) {
      if (depth >= walk.limits.depth) walk.gaps.cut = true;
      else yield* visit(path, depth + 1, walk);
    } else if (entry.isFile() && walk.matches(below)) yield* take(path, walk);
  }
}

async function* take(path: string, walk: Walk): AsyncGenerator<SourceFile> {
  if (walk.files >= walk.limits.files || walk.bytes >= walk.limits.totalBytes) {
    walk.gaps.cut = true;
    return;
  }
  walk.files += 1;
  const text = await readText(path, walk).catch(() => {
    walk.gaps.unreadable.push(path);
    return undefined;
  });
  if (text !== undefined) yield { path: shownPath(path), text };
}

function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith("..") ? path : below;
}

/** Whether a place exists: a folder, or the folder that a pattern starts in. */
export async function placeExists(place: string): Promise<boolean> {
  return (await stat(splitPlace(place).root).catch(() => undefined))?.isDirectory() ?? false;
}

/** A reader of the text files below a place, and what it had to leave out, complete when it has ended. */
export function readTree(
  place: string,
  options: TreeOptions,
): { files: AsyncIterable<SourceFile>; gaps: TreeGaps } {
  const { root, pattern } = splitPlace(place);
  const gaps: TreeGaps = { tooLarge: [], unreadable: [], cut: false };
  const ignore = [...(options.ignore ?? [])];
  const walk: Walk = {
    ...{ root, gaps, files: 0, bytes: 0, signal: options.signal },
    limits: { ...TREE_LIMITS, ...options.limits },
    matches: picomatch(pattern, { dot: true }),
    ignored: ignore.length > 0 ? picomatch(ignore, { dot: true }) : () => false,
  };
  return { files: visit(root, 0, walk), gaps };
}
