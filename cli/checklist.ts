import type { Argv } from "yargs";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface ChecklistOptions extends StackOption {
  action: "tick" | undefined;
  point: string | undefined;
  by: string | undefined;
  note: string | undefined;
  json: boolean;
}

function addOptions(yargs: Argv<StackOption>): Argv<ChecklistOptions> {
  return yargs
    .positional("action", { choices: ["tick"] as const, describe: "write down that a point is right" })
    .positional("point", { type: "string", describe: "number or words of the point" })
    .option("by", { type: "string", describe: "tick: who looked" })
    .option("note", { type: "string", describe: "tick: what was seen" })
    .option("json", { type: "boolean", default: false, describe: "Print JSON: a list of points" })
    .example([["$ rollout checklist tick 2 --by 'Ada Lovelace' --note 'PR 417'", "point 2 is right"]]);
}

/** `rollout checklist`: what people have to look at before a gate opens, and who did. */
export const checklistVerb: Verb<ChecklistOptions> = {
  command: "checklist [action] [point]",
  describe: "What people have to look at before a gate opens; tick a point",
  example: ["rollout checklist", "every point, by whom it was ticked"],
  builder: addOptions,
  async run({ stack, action, point, by, note, json }) {
    const { listPoints, renderPoints, tickPoint } = await import("./checklist/points.ts");
    if (action === "tick") {
      printLines([await tickPoint(stack, { point, by, note })]);
      return 0;
    }
    const points = await listPoints(stack);
    printLines(json ? [JSON.stringify(points, null, 2)] : renderPoints(points));
    return 0;
  },
};
