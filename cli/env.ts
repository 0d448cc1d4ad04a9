import { join } from "node:path";
import { BEFORE, SANDBOX, toolchainEnvironment } from "../bin/toolchain.mjs";
import { shellWord } from "../system/shell-word.ts";
import { PROJECT_ROOT } from "./project.ts";
import { ensureStack } from "./pulumi.ts";
import { printLines, type Verb } from "./verb.ts";

/** One shell line for each variable that the toolchain sets or unsets and the shell does not have so already. */
export function renderEnvironment(
  wanted: Record<string, string | undefined>,
  current: Record<string, string | undefined>,
): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => current[name] !== value)
    .map(([name, value]) => (value === undefined ? `unset ${name}` : `export ${name}=${shellWord(value)}`));
}

/**
 * What the shell has now is kept in it, for another stack in that shell (bin/toolchain.mjs). The shell itself copies it:
 * a passphrase is not printed. Pure.
 */
export function renderKept(
  wanted: Record<string, string | undefined>,
  current: Record<string, string | undefined>,
): string[] {
  return Object.keys(wanted)
    .filter((name) => name.startsWith("PULUMI_") && current[name] && current[name] !== wanted[name])
    .map((name) => `export ${BEFORE}${name}="$${name}"`);
}

/** `rollout …` from any folder of that shell, as help and completion write it. */
function renderFunction(): string {
  return `rollout() { node ${shellWord(join(PROJECT_ROOT, "bin/rollout.mjs"))} "$@"; }`;
}

/** `rollout env`: the wrapper's environment as shell lines, so that plain `pulumi preview` works in that shell. */
export const envVerb: Verb = {
  command: "env",
  describe: "Print the environment in which plain `pulumi` works here",
  example: ['eval "$(npx rollout env)"', "then: pulumi preview, rollout status"],
  async run({ stack }) {
    await ensureStack(stack);
    const wanted = toolchainEnvironment({ stack });
    const { ROLLOUT_HAD_PASSPHRASE: had, ...own } = process.env;
    const shell = had === undefined ? own : { ...own, PULUMI_CONFIG_PASSPHRASE: "a secret" };
    // Leaving the sandbox's shell, there is nothing to keep: what comes back is what was kept.
    const kept = stack === SANDBOX ? renderKept(wanted, shell) : [];
    printLines([...kept, ...renderEnvironment(wanted, shell), renderFunction()]);
    return 0;
  },
};
