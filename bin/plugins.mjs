import { createHash } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, TOOLCHAIN } from "./paths.mjs";

/** Changes whenever a built-in plugin or what it is bundled from does. */
function airgapDigest() {
  const hash = createHash("sha256");
  const folder = join(ROOT, "airgap");
  for (const file of readdirSync(folder, { recursive: true }).sort()) {
    if (file.endsWith(".ts")) hash.update(file).update(readFileSync(join(folder, file)));
  }
  hash.update(readFileSync(join(ROOT, "package-lock.json")));
  return hash.digest("hex").slice(0, 16);
}

/** One file with everything in it starts in 0.1 s; the sources by tsx would take 0.25 s at every preview. */
async function bundle(plugin) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "airgap", plugin, "main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "error",
    // gRPC and protobuf are CommonJS.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
  });
  return outputFiles[0].contents;
}

/** Writes a file so that a reader sees the old one or the new one, never a part. */
function replaceFile(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, content);
  chmodSync(part, mode);
  renameSync(part, path);
}

/** An executable that the engine finds by its name, and beside it the bundle that it runs and what it was made of. */
export async function place(folder, name, plugin) {
  replaceFile(join(folder, `${name}.mjs`), await bundle(plugin));
  const launcher = `#!/bin/sh\n# Built-in plugin of deal-type-rollout; see docs/toolchain.md.\nexec node "$(dirname "$0")/${name}.mjs" "$@"\n`;
  replaceFile(join(folder, name), launcher, 0o755);
  replaceFile(join(folder, `${name}.digest`), airgapDigest());
}

/** True when the plugin there was made of the sources as they are now. */
export function isFresh(folder, name) {
  try {
    return readFileSync(join(folder, `${name}.digest`), "utf8") === airgapDigest();
  } catch {
    return false;
  }
}

/** Hard link where it can be one: the file has 110 MB. */
function linkOrCopy(from, to) {
  const part = `${to}.${process.pid}`;
  rmSync(part, { force: true });
  try {
    linkSync(from, part);
  } catch {
    // Cache and checkout lie on different file systems.
    copyFileSync(from, part, constants.COPYFILE_FICLONE);
  }
  renameSync(part, to);
  // Where both names are links to one file already, the rename leaves the new one behind.
  rmSync(part, { force: true });
}

/**
 * The built engine and beside it the language host: the engine warns about one that lies elsewhere on PATH.
 * Returns the engine's path.
 */
export function placeEngine(built) {
  const path = join(TOOLCHAIN, "pulumi");
  mkdirSync(TOOLCHAIN, { recursive: true });
  linkOrCopy(built, path);
  return path;
}

/** Bundles the language host unless the one that is there is fresh. */
export async function provideLanguageHost() {
  const name = "pulumi-language-nodejs";
  if (!isFresh(TOOLCHAIN, name)) await place(TOOLCHAIN, name, "language-nodejs");
}
