import type { Argv } from "yargs";
import { StepError } from "../errors/step-error.ts";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface UndoOptions extends StackOption {
  left: boolean;
  accept: string | undefined;
}

function addOptions(yargs: Argv<StackOption>): Argv<UndoOptions> {
  return yargs
    .option("left", {
      type: "boolean",
      default: false,
      describe: "What the undo has left: try again to take it back",
    })
    .option("accept", {
      type: "string",
      describe: "Leave it so for good, with the reason for the evidence (with --left)",
    })
    .example([
      [
        '$ rollout undo --left --accept "rows of a closed year"',
        "ends it on record, drops journal and tracker",
      ],
    ]);
}

function assertMeant({ stack, left, accept }: UndoOptions): void {
  if (!left)
    throw new StepError(
      `undo: expected --left, got none. What is left: npx rollout undo --left --stack ${stack}. ` +
        `A phase goes back by its number: npx rollout config set phase <lower> --stack ${stack}, then npx rollout up`,
    );
  if (accept !== undefined && accept.trim() === "")
    throw new StepError('undo: expected a reason for --accept, got none. Say it: --accept "reason"');
}

/**
 * `rollout undo --left`: takes back what an undo has left, once what stood in its way is mended; or ends it on record.
 * Exit code 0 when nothing is left, 1 when something still is.
 */
export const undoVerb: Verb<UndoOptions> = {
  command: "undo",
  describe: "Take back what an undo has left (--left), or accept it on record",
  example: ["rollout undo --left", "tries again what the server refused, once that is mended"],
  builder: addOptions,
  async run(options) {
    assertMeant(options);
    const { stack, accept } = options;
    const { openClosing } = await import("./closing/open-closing.ts");
    const { undoLeft } = await import("./undo/undo-left.ts");
    const { lines, left } = await undoLeft(await openClosing("undo", stack, { yes: true }), accept?.trim());
    printLines(lines.map((line) => `undo: ${line}`));
    return left > 0 ? 1 : 0;
  },
};
