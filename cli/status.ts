import { painted } from "../system/paint.ts";
import type { Status } from "./status/contract.ts";
import { renderStatus } from "./status/render.ts";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface StatusOptions extends StackOption {
  json: boolean;
}

/**
 * Exit code 0 also when the target is down, since the answer is complete then too; 1 when the
 * configuration is faulty, after all that can be told nevertheless.
 */
export const exitCodeFor = ({ configValid }: Pick<Status, "configValid">): number => (configValid ? 0 : 1);

/** `rollout status`. */
export const statusVerb: Verb<StatusOptions> = {
  command: "status",
  describe: "Where the rollout stands: phase, rows, constraint, flag, backup, drift, gates",
  example: ["rollout status --json", "as documented in docs/status.md"],
  builder: (yargs) =>
    yargs.option("json", { type: "boolean", default: false, describe: "Print JSON (docs/status.md)" }),
  async run({ stack, json }) {
    const { readStatus } = await import("./status/read-status.ts");
    const status = await readStatus(stack);
    printLines(json ? [JSON.stringify(status, null, 2)] : renderStatus(status, painted));
    return exitCodeFor(status);
  },
};
