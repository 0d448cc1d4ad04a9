import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RELEASES, type ReleaseName } from "./releases.ts";

const SOURCES = fileURLToPath(new URL("../app", import.meta.url));

/** Path within the release → content. */
export type ReleaseFiles = Map<string, Buffer>;

/** All files of a release: the baseline's, overlaid by each later release up to this one. */
export function releaseFiles(name: ReleaseName): ReleaseFiles {
  const files: ReleaseFiles = new Map();
  for (const release of RELEASES) {
    for (const path of release.removed) files.delete(path);
    for (const path of listFiles(join(SOURCES, release.name)))
      files.set(path, readFileSync(join(SOURCES, release.name, path)));
    if (release.name === name) break;
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function listFiles(folder: string, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    return entry.isDirectory() ? listFiles(folder, path) : [path];
  });
}

/** Changes when any release would: tells whether the generated repository is up to date. */
export function sourcesDigest(): string {
  const hash = createHash("sha256").update(JSON.stringify(RELEASES));
  for (const { name } of RELEASES)
    for (const [path, content] of releaseFiles(name))
      hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest("hex");
}
