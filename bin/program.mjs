import { importTypeScript } from "./typescript.mjs";

/**
 * Pulumi's SDK takes a stack of each promise that it makes, and its runner looks up every line of it in the source maps:
 * a tenth of a preview, for a text that it shows with PULUMI_DEBUG_PROMISE_LEAKS alone. All other errors keep theirs.
 */
function skipUnreadStacks() {
  const mapped = Error.prepareStackTrace;
  if (!mapped || process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  Error.prepareStackTrace = (error, frames) =>
    frames[0]?.getFunctionName() === "debuggablePromise" ? "" : mapped(error, frames);
}

skipUnreadStacks();

// What Pulumi loads (package.json's `main`): index.ts.
const { default: program } = await importTypeScript("index.ts");

export default program;
