import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installDependencies, needsInstall } from "./dependencies.mjs";
import { installPackages } from "./packages.mjs";
import { OWN } from "./paths.mjs";
import { describeMissing, missingRequirements } from "./requirements.mjs";
import { publishTimings, timed } from "./timings.mjs";
import { planToolchain, prepareToolchain, SANDBOX } from "./toolchain.mjs";

// Parsed by old Nodes as well: see programs.mjs.

/** Everything that is missing is told at once, before the first download or build. */
async function checkMachine(sandbox) {
  const plan = await planToolchain();
  const missing = missingRequirements({ npm: needsInstall(), sandbox }).concat(plan.missing);
  if (missing.length === 0) return plan;
  process.stderr.write(describeMissing(missing));
  return process.exit(2);
}

async function setUp(stack) {
  const sandbox = stack === SANDBOX;
  const plan = await timed("requirements", () => checkMachine(sandbox));
  await timed("packages", () => installPackages({ sandbox }));
  await timed("dependencies", installDependencies);
  await timed("toolchain", () => prepareToolchain({ plan, stack }));
  // A passphrase of the user's other stacks would be preferred to the sandbox's own file.
  if (!sandbox || process.env.PULUMI_CONFIG_PASSPHRASE === undefined) return;
  delete process.env.PULUMI_CONFIG_PASSPHRASE;
  // `rollout env` has to unset it in the shell, too.
  process.env.ROLLOUT_HAD_PASSPHRASE = "yes";
}

/** The stack of what nobody foresaw goes to a file of its own: nobody else may read it. */
function keepStack(error) {
  const folder = join(OWN, "errors");
  const path = join(folder, `${new Date().toISOString().replace(/[:.]/g, "-")}-${process.pid}.txt`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, `${error.stack}\n`, { mode: 0o600 });
    return `Its stack: ${path}`;
  } catch (failed) {
    return `Its stack could not be kept (${failed.code}).`;
  }
}

function fail(error) {
  if (error.name === "SetupError") {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
  const what = `${String(error.message).split("\n")[0]} (${error.code || error.name})`;
  process.stderr.write(`set-up: ${what}. Mend that, then run the same command again.\n${keepStack(error)}\n`);
  process.exit(1);
}

/**
 * Checks the machine, sets up what can be set up for the stack (for none: dependencies only), then goes on with
 * `next` in this same process: signals and exit codes need no passing on.
 */
export function enter({ stack, next }) {
  const settled = failUnsettled();
  const ready = stack === undefined ? timed("dependencies", installDependencies) : setUp(stack);
  ready
    .then(() => {
      publishTimings();
      return next();
    })
    .then(settled, fail);
}

/**
 * Node ends, with exit code 0, when all that is left is a promise that nothing will ever settle: a check that got stuck
 * must not pass for one that went well. @returns what to call once all is done.
 */
function failUnsettled() {
  const onExit = (code) => {
    if (code !== 0) return;
    process.stderr.write(
      "rollout: expected to come to an end, got stuck on the way: nothing is proven by it.\n",
    );
    process.exitCode = 1;
  };
  process.once("exit", onExit);
  return () => process.off("exit", onExit);
}
