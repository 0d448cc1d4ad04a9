import * as pulumi from "@pulumi/pulumi";
import { version as installed } from "@pulumi/pulumi/version.js";

/** The one version of Pulumi's SDK that is patched. Every other version runs as it is. */
export const PATCHED_SDK = "3.248.0";

/** Functions of the SDK that take a stack: of each promise, to report one that never ended; of each resource, for its line. */
const TAKE_STACKS = ["debuggablePromise", "callsites"];

/**
 * Cuts preview time by work of the SDK that nobody sees (figures in docs/toolchain.md). ROLLOUT_SDK_DEBUG switches the
 * patches off, and so does `npx rollout … --debug`: Pulumi does not tell the program of `--debug`.
 */
export function patchSdk(environment = process.env, version = installed): void {
  if (version !== PATCHED_SDK || environment.ROLLOUT_SDK_DEBUG) return;
  if (!environment.PULUMI_DEBUG_PROMISE_LEAKS) skipUnreadStacks();
  keepDebugLines();
}

/**
 * Pulumi's runner looks up every line of a stack in source maps, ten stacks and more for each resource. The state keeps
 * no line of a resource then: it would be the same line of the bundle for every step. Stacks of errors stay.
 */
function skipUnreadStacks(): void {
  const mapped = Error.prepareStackTrace;
  if (!mapped) return;
  Error.prepareStackTrace = (error, frames) =>
    TAKE_STACKS.includes(frames[0]?.getFunctionName() ?? "") ? "" : mapped(error, frames);
}

/** The SDK sends the engine four debug lines for each resource, by a call each. They are shown with `--debug` alone. */
function keepDebugLines(): void {
  const log: { debug: typeof pulumi.log.debug } = pulumi.log;
  log.debug = () => Promise.resolve();
}
