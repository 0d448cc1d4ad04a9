import { importTypeScript } from "./typescript.mjs";

/** What the SDK takes a stack for: a promise, to tell one that never ended, and a resource, to name its source line. */
const UNREAD = ["debuggablePromise", "callsites"];

/**
 * Pulumi's SDK takes a stack of each promise and of each resource that it makes, and its runner looks up every line of
 * it in the source maps: a tenth of a preview. The first it shows with PULUMI_DEBUG_PROMISE_LEAKS alone; the second
 * would name the same line of components/step-command.ts for every command. All other errors keep theirs.
 */
function skipUnreadStacks() {
  const mapped = Error.prepareStackTrace;
  if (!mapped || process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  Error.prepareStackTrace = (error, frames) =>
    UNREAD.includes(frames[0]?.getFunctionName()) ? "" : mapped(error, frames);
}

skipUnreadStacks();

// What Pulumi loads (package.json's `main`): index.ts.
const { default: program } = await importTypeScript("index.ts");

export default program;
