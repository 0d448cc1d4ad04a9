import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pluginVariables, provideCommandPlugin } from "./command-plugin.mjs";
import { chooseEngine, forcedToolchain, provideEngine } from "./engine.mjs";
import { OWN, SANDBOX_HOME } from "./paths.mjs";
import { placeEngine, provideLanguageHost } from "./plugins.mjs";
import { isCurrent, readRecord, writeRecord } from "./record.mjs";
import { SetupError } from "./say.mjs";

/** The stack that this program runs by itself, with a backend of its own in the checkout. */
export const SANDBOX = "sandbox";

function currentRecord() {
  const record = readRecord();
  return isCurrent(record, forcedToolchain()) ? record : undefined;
}

/**
 * What set-up has to do for the engine (`engine`: undefined when it is there already), and what the machine lacks
 * for that. Looks, does nothing.
 */
export async function planToolchain() {
  if (currentRecord()) return { engine: undefined, missing: [] };
  const choice = await chooseEngine();
  return choice.missing ? { engine: undefined, missing: choice.missing } : { engine: choice, missing: [] };
}

/**
 * Makes engine, language host and `command` plugin ready for the stack: at the first run minutes, later nothing.
 * @param plan what `planToolchain` returned, with nothing missing
 */
export async function prepareToolchain({ plan, stack }) {
  const isNew = plan.engine !== undefined;
  const engine = isNew ? await provideEngine(plan.engine) : currentRecord().engine;
  if (isNew && engine.kind === "airgap") engine.path = placeEngine(engine.path);
  if (engine.kind === "airgap") await provideLanguageHost();
  await provideCommandPlugin({
    ...{ sandbox: stack === SANDBOX, engine },
    mayDownload: forcedToolchain() !== "airgap",
  });
  // Last, so that a set-up that was cut off is done again.
  if (isNew) writeRecord({ engine });
}

const STATE = join(OWN, "state");
const PASSPHRASE = join(OWN, "passphrase");

/** What the sandbox stack is run with. A variable that is `undefined` has to be unset. */
const SANDBOX_VARIABLES = {
  PULUMI_BACKEND_URL: `file://${STATE}`,
  PULUMI_HOME: SANDBOX_HOME,
  PULUMI_CONFIG_PASSPHRASE_FILE: PASSPHRASE,
  // A passphrase in the environment would be preferred to the file.
  PULUMI_CONFIG_PASSPHRASE: undefined,
  PULUMI_STACK: SANDBOX,
};

/** State folder and passphrase of the sandbox stack; the passphrase is made once and kept for the state's life. */
function sandboxBackend() {
  mkdirSync(STATE, { recursive: true });
  if (!existsSync(PASSPHRASE))
    writeFileSync(PASSPHRASE, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  return SANDBOX_VARIABLES;
}

/** Where `rollout env` keeps what a shell had before. */
export const BEFORE = "ROLLOUT_BEFORE_";

/** In a shell of `rollout env`: what it had before, for a stack that is not the sandbox would land on its backend. */
function leaveSandbox() {
  if (process.env.PULUMI_BACKEND_URL !== SANDBOX_VARIABLES.PULUMI_BACKEND_URL) return {};
  const taken = Object.keys(SANDBOX_VARIABLES).filter(
    (name) =>
      process.env[name] === SANDBOX_VARIABLES[name] && (process.env[name] || process.env[BEFORE + name]),
  );
  return Object.fromEntries(taken.map((name) => [name, process.env[BEFORE + name] || undefined]));
}

/**
 * Environment of everything that runs Pulumi, to be laid over `process.env`; a variable that is `undefined` has to be
 * unset. For stacks other than the sandbox nothing of the user's own Pulumi settings is touched.
 * @throws SetupError before the toolchain has been prepared
 */
export function toolchainEnvironment({ stack }) {
  const record = readRecord();
  if (!record)
    throw new SetupError("toolchain: expected it to be set up, found nothing. Run npm start or npx rollout.");
  const first = dirname(record.engine.path);
  const rest = (process.env.PATH || "").split(delimiter).filter((folder) => folder !== first);
  return {
    PATH: [first, ...rest].join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Steps run from a bundle, but what they start may use tsx, such as a team's test suite. tsx runs what it finds in
    // <temporary folder>/tsx-<uid>, whoever put it there: a process that holds a database's password must not. Others
    // have also seen modules without their exports when many processes share that folder
    // (github.com/Automattic/wp-codebox/issues/2456).
    TSX_DISABLE_CACHE: "1",
    ...(record.engine.kind === "airgap" ? { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" } : {}),
    ...(stack === SANDBOX ? sandboxBackend() : { ...leaveSandbox(), ...pluginVariables() }),
  };
}
