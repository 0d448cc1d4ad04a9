import type { Argv } from "yargs";
import { logLine, printLines, type StackOption, type Verb } from "./verb.ts";

interface InvestigateOptions extends StackOption {
  deals: string[];
}

function addOptions(yargs: Argv<StackOption>): Argv<InvestigateOptions> {
  return yargs
    .positional("deals", { type: "string", array: true, demandOption: true, describe: "keys of the deals" })
    .example([["$ rollout investigate 7 12 --stack production", "a folder for each of the two"]]);
}

/** `rollout investigate <deal>`: everything that there is to see of a deal that regressed, in a folder. */
export const investigateVerb: Verb<InvestigateOptions> = {
  command: "investigate <deals..>",
  describe: "Gather row, logs, outputs and differences of a deal that regressed",
  example: ["rollout investigate 7", "into reports/<stack>/investigations/7"],
  builder: addOptions,
  async run({ stack, deals }) {
    const { investigateDeals } = await import("./investigate/investigate-deals.ts");
    printLines(await investigateDeals(stack, deals.map(String), { log: logLine }));
    return 0;
  },
};
