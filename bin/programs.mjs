import { execFileSync } from "node:child_process";
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { POSTGRES_ROOT } from "./debian.mjs";
import { atLeast, GO } from "./versions.mjs";

// This file is parsed by any Node that knows .mjs, so that an old one can say that it is too old:
// no `??`, no `?.`, no top-level await here and in what it imports.

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (_) {
    return false;
  }
}

/** Path of a program on PATH, leaving out the folders in `except`; undefined when it is nowhere. */
export function findOnPath(name, except) {
  return (process.env.PATH || "")
    .split(delimiter)
    .filter((folder) => folder !== "" && folder !== except)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** Browsers that the checklist can drive, by their names on PATH. */
export const BROWSERS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "microsoft-edge",
];

function debianFolders() {
  try {
    return readdirSync(POSTGRES_ROOT)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(POSTGRES_ROOT, version, "bin"));
  } catch (_) {
    // Not a Debian layout: PATH decides.
    return [];
  }
}

/**
 * Path of one of PostgreSQL's programs: in ROLLOUT_POSTGRES_BIN, Debian's folders, newest version first, or PATH;
 * undefined when it is nowhere.
 */
export function findPostgres(name) {
  const named = process.env.ROLLOUT_POSTGRES_BIN ? [process.env.ROLLOUT_POSTGRES_BIN] : [];
  return (
    [...named, ...debianFolders()].map((folder) => join(folder, name)).find(isExecutable) || findOnPath(name)
  );
}

/** Path of a Go that can build the engine, or undefined. */
export function findGo() {
  const go = findOnPath("go");
  if (!go) return undefined;
  try {
    const [, version] =
      /go(\d+\.\d+(?:\.\d+)?)/.exec(execFileSync(go, ["version"], { encoding: "utf8" })) || [];
    return version && atLeast(version, GO) ? go : undefined;
  } catch (_) {
    return undefined;
  }
}
