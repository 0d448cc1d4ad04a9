import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { reachesDownloads } from "./internet.mjs";
import { OWN, OWN_HOME, SANDBOX_HOME } from "./paths.mjs";
import { isFresh, place } from "./plugins.mjs";
import { say } from "./say.mjs";
import { COMMAND_PLUGIN } from "./versions.mjs";

const FOLDER = join("plugins", `resource-command-v${COMMAND_PLUGIN}`);
const EXECUTABLE = "pulumi-resource-command";
/** Modified when the official plugin was last tried in vain. */
const TRIED = join(OWN, "plugin-tried");
/** Until it is tried again: without a network each try may take seconds. */
const PATIENCE_MS = 600_000;

const OURS = /[/\\]\.rollout[/\\](?:home|pulumi-home)[/\\]?$/;

/** PULUMI_HOME of the user, also in a shell of `rollout env`. */
export function userHome() {
  const { PULUMI_HOME: home, ROLLOUT_BEFORE_PULUMI_HOME: before } = process.env;
  return [home, before].find((folder) => folder && !OURS.test(folder)) || join(homedir(), ".pulumi");
}

function hasPlugin(home) {
  return existsSync(join(home, FOLDER, EXECUTABLE));
}

/** True for a plugin that this program put there: it may be replaced, the official one never. */
function isBuiltIn(home) {
  return existsSync(join(home, FOLDER, `${EXECUTABLE}.mjs`));
}

const hasOfficial = (home) => hasPlugin(home) && !isBuiltIn(home);

/** Earlier releases put the built-in one there, where the user's other projects found it as well. */
function takeBackMisplaced(home) {
  if (!isBuiltIn(home)) return;
  rmSync(join(home, FOLDER), { recursive: true, force: true });
  rmSync(join(home, `${FOLDER}.lock`), { force: true });
  say(`Plugin: took the built-in command ${COMMAND_PLUGIN} of an earlier release out of ${home}`);
}

function wasTriedJustNow() {
  const tried = statSync(TRIED, { throwIfNoEntry: false });
  return Boolean(tried && Date.now() - tried.mtimeMs < PATIENCE_MS);
}

/** Has the engine download the official plugin; false when that fails. */
function download(pulumi, home) {
  mkdirSync(OWN, { recursive: true });
  // Pulumi wants a backend for this as well, and leaves a folder in it.
  const backend = mkdtempSync(join(OWN, "backend-"));
  const args = ["plugin", "install", "resource", "command", COMMAND_PLUGIN, "--reinstall"];
  const own = {
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_BACKEND_URL: `file://${backend}`,
  };
  const env = { ...process.env, ...own };
  try {
    const { status } = spawnSync(pulumi, args, { env, stdio: "ignore", timeout: 120_000 });
    return status === 0 && hasOfficial(home);
  } finally {
    rmSync(backend, { recursive: true, force: true });
  }
}

async function tryOfficial(engine, home) {
  if (wasTriedJustNow()) return false;
  if ((await reachesDownloads()) && download(engine.path, home)) {
    rmSync(TRIED, { force: true });
    say(`Plugin: official command ${COMMAND_PLUGIN}, in ${home}`);
    return true;
  }
  mkdirSync(OWN, { recursive: true });
  writeFileSync(TRIED, "");
  return false;
}

function link(target, path) {
  try {
    if (readlinkSync(path) === target) return;
    rmSync(path);
  } catch (error) {
    // What Pulumi made there itself stays.
    if (error.code !== "ENOENT") return;
  }
  symlinkSync(target, path);
}

function entriesOf(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** All that the user's PULUMI_HOME has is in ours as well, but for the credentials: these have a variable of their own. */
function linkUserHome(home) {
  mkdirSync(join(OWN_HOME, "plugins"), { recursive: true });
  for (const name of entriesOf(home))
    if (!["plugins", "credentials.json"].includes(name)) link(join(home, name), join(OWN_HOME, name));
  for (const name of entriesOf(join(home, "plugins")))
    if (join("plugins", name) !== FOLDER) link(join(home, "plugins", name), join(OWN_HOME, "plugins", name));
}

async function placeBuiltIn(home) {
  if (isFresh(join(home, FOLDER), EXECUTABLE)) return;
  await place(join(home, FOLDER), EXECUTABLE, "command");
  say(`Plugin: built-in command ${COMMAND_PLUGIN}, in ${home}`);
}

/**
 * Sees to it that a `command` plugin is found, and says what it did: the official one where it is or can be had, else
 * the built-in one in a place of ours. No other project ever meets that one.
 * @param mayDownload nothing forbids to ask for the official one
 */
export async function provideCommandPlugin({ sandbox, engine, mayDownload }) {
  const home = sandbox ? SANDBOX_HOME : userHome();
  // Left there by downloads of earlier releases.
  rmSync(join(OWN, ".pulumi"), { recursive: true, force: true });
  if (!sandbox) takeBackMisplaced(home);
  if (hasOfficial(home)) return;
  if (mayDownload && (await tryOfficial(engine, home))) return;
  if (!sandbox) linkUserHome(home);
  await placeBuiltIn(sandbox ? SANDBOX_HOME : OWN_HOME);
}

/** What tells Pulumi of another stack than the sandbox where its plugins are; nothing where the user's own home has them. */
export function pluginVariables() {
  const home = userHome();
  if (hasOfficial(home) || !isBuiltIn(OWN_HOME)) return {};
  return { PULUMI_HOME: OWN_HOME, PULUMI_CREDENTIALS_PATH: process.env.PULUMI_CREDENTIALS_PATH || home };
}
