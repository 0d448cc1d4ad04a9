import { StepError } from "../errors/step-error.ts";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface FlagOptions extends StackOption {
  to: "on" | "off" | "status";
  reason: string | undefined;
  json: boolean;
  wait: number;
}

/** `rollout flag on|off|status`: the emergency switch of phase 2 and later. */
export const flagVerb: Verb<FlagOptions> = {
  command: "flag <to>",
  describe: "Switch the feature flag on every host, prove it, and touch nothing else",
  example: ['rollout flag off --reason "wrong costs for carve-outs"', "everyone back to the old behaviour"],
  builder: (yargs) =>
    yargs
      .positional("to", {
        choices: ["on", "off", "status"] as const,
        demandOption: true,
        describe: "on, off, or what every process says",
      })
      .option("reason", { type: "string", describe: "Why, for the evidence (on and off need it)" })
      .option("wait", {
        type: "number",
        default: 60,
        describe: "Seconds to wait for another run that is at work",
      })
      .option("json", { type: "boolean", default: false, describe: "status: print JSON" }),
  async run({ stack, to, reason, json, wait }) {
    if (to === "status") {
      const { showFlag } = await import("./flag/show-flag.ts");
      printLines(await showFlag(stack, { json }));
      return 0;
    }
    const why = reason?.trim() ?? "";
    if (why === "") {
      throw new StepError(
        `flag: expected a reason for the evidence, got none. Say it: npx rollout flag ${to} --reason "…" --stack ${stack}`,
      );
    }
    const { switchFlag } = await import("./flag/switch-flag.ts");
    const { lines, exitCode } = await switchFlag(stack, {
      ...{ on: to === "on", reason: why },
      waitSeconds: Number.isFinite(wait) ? wait : 0,
    });
    printLines(lines);
    return exitCode;
  },
};
