import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { OWN, ROOT, TOOLCHAIN } from "./paths.mjs";
import { say } from "./say.mjs";
import { COMMAND_PLUGIN } from "./versions.mjs";

const PLUGIN_FOLDER = join("plugins", `resource-command-v${COMMAND_PLUGIN}`);
const EXECUTABLE = "pulumi-resource-command";

/** PULUMI_HOME of stacks other than the sandbox: the user's own. */
export function userHome() {
  return process.env.PULUMI_HOME || join(homedir(), ".pulumi");
}

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
async function place(folder, name, plugin) {
  replaceFile(join(folder, `${name}.mjs`), await bundle(plugin));
  const launcher = `#!/bin/sh\n# Built-in plugin of deal-type-rollout; see docs/toolchain.md.\nexec node "$(dirname "$0")/${name}.mjs" "$@"\n`;
  replaceFile(join(folder, name), launcher, 0o755);
  replaceFile(join(folder, `${name}.digest`), airgapDigest());
}

/** True when the plugin there was made of the sources as they are now. */
function isFresh(folder, name) {
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

function hasCommandPlugin(folder) {
  return existsSync(join(folder, EXECUTABLE));
}

/** True for a plugin that this program put there: it may be replaced, the official one never. */
function isBuiltIn(folder) {
  return existsSync(join(folder, `${EXECUTABLE}.mjs`));
}

/** Has the engine download the official plugin; false when that fails. */
function downloadCommandPlugin(pulumi, home) {
  const args = ["plugin", "install", "resource", "command", COMMAND_PLUGIN, "--reinstall"];
  const env = {
    ...process.env,
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_BACKEND_URL: `file://${OWN}`,
  };
  const { status } = spawnSync(pulumi, args, {
    env,
    stdio: ["ignore", "ignore", "ignore"],
    timeout: 120_000,
  });
  return status === 0;
}

/**
 * Sees to it that a `command` plugin lies in `home`, and says what it did.
 * @param tryDownload the engine is new and official: the official plugin is worth a try
 */
export async function provideCommandPlugin({ home, engine, tryDownload }) {
  const folder = join(home, PLUGIN_FOLDER);
  const present = hasCommandPlugin(folder);
  if (present && !isBuiltIn(folder)) return;
  if (tryDownload && downloadCommandPlugin(engine.path, home)) {
    say(`Plugin: official command ${COMMAND_PLUGIN}, in ${home}`);
    return;
  }
  if (present && isFresh(folder, EXECUTABLE)) return;
  await place(folder, EXECUTABLE, "command");
  say(`Plugin: built-in command ${COMMAND_PLUGIN}, in ${home}`);
}
