/** The stack that this program runs by itself, with a backend of its own in the checkout. */
export const SANDBOX: "sandbox";

/** Before the name of a variable: what a shell had in it before `rollout env`. */
export const BEFORE: "ROLLOUT_BEFORE_";

/**
 * Environment of everything that runs Pulumi, to be laid over `process.env`; a variable that is `undefined` has to be
 * unset. For stacks other than the sandbox nothing of the user's own Pulumi settings is touched.
 * Makes the state folder and the passphrase of the sandbox stack at first use.
 * @throws an error with the remedy before the toolchain has been prepared (bin/rollout.mjs and bin/start.mjs do that)
 */
export function toolchainEnvironment(options: { stack: string }): Record<string, string | undefined>;

/** What set-up has to do for the engine (undefined: nothing), and what the machine lacks for that. */
export interface ToolchainPlan {
  engine: object | undefined;
  missing: { what: string; install: string }[];
}

/** Looks, does nothing. */
export function planToolchain(): Promise<ToolchainPlan>;

/** Makes engine, language host and `command` plugin ready for the stack. */
export function prepareToolchain(options: { plan: ToolchainPlan; stack: string }): Promise<void>;
