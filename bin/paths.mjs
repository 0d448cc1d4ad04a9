import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** What set-up and sandbox stack leave in the checkout; git-ignored, each checkout has its own. */
export const OWN = join(ROOT, ".rollout");
/** First folder on PATH of everything that runs Pulumi. */
export const TOOLCHAIN = join(OWN, "toolchain");
/** What was chosen, so that later runs need not choose again. */
export const RECORD = join(OWN, "toolchain.json");
/** PULUMI_HOME of the sandbox stack. */
export const SANDBOX_HOME = join(OWN, "pulumi-home");

/** PULUMI_HOME of other stacks where the official `command` plugin is not to be had: the user's, and the built-in one. */
export const OWN_HOME = join(OWN, "home");

/** Engines, shared by all checkouts of this user: an engine takes minutes to build and 110 MB. */
export function cacheFolder() {
  return (
    process.env.ROLLOUT_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "deal-type-rollout")
  );
}
