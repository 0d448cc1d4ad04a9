import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { compileGlob } from "./glob.ts";
import { archive, fileAsset, type PropertyMap } from "./property-value.ts";

interface Rule {
  exclude: boolean;
  pattern: RegExp;
}

function compileRules(globs: readonly string[]): Rule[] {
  return globs.map((glob) => ({
    exclude: glob.startsWith("!"),
    pattern: compileGlob(glob.replace(/^!/, "")),
  }));
}

/** Paths of all files below `folder`, relative to it; links to folders are not followed, so that no loop is walked. */
function* walkFiles(folder: string, prefix = ""): Generator<string> {
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* walkFiles(folder, path);
    else if (entry.isFile() || statSync(join(folder, path)).isFile()) yield path;
  }
}

/** The last rule that matches a path decides. */
function isWanted(path: string, rules: readonly Rule[]): boolean {
  const last = rules.findLast((rule) => rule.pattern.test(path));
  return last !== undefined && !last.exclude;
}

/** The files below `folder` that the globs name, as assets keyed by their relative path. */
export function collectAssets(folder: string, globs: readonly string[]): PropertyMap {
  const rules = compileRules(globs);
  const wanted = [...walkFiles(folder)].filter((path) => isWanted(path, rules)).sort();
  return Object.fromEntries(
    wanted.map((path) => {
      const file = join(folder, path);
      return [path, fileAsset(file, createHash("sha256").update(readFileSync(file)).digest("hex"))];
    }),
  );
}

/**
 * The same files as one archive. Its hash covers paths and contents; it differs from the hash that the official
 * plugin computes for the same files, which only ever matters to a stack that changes plugins.
 */
export function collectArchive(folder: string, globs: readonly string[]): PropertyMap {
  const assets = collectAssets(folder, globs);
  return archive(assets, createHash("sha256").update(JSON.stringify(assets)).digest("hex"));
}
