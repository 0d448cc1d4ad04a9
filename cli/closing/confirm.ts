import { createInterface } from "node:readline/promises";
import { StepError } from "../../errors/step-error.ts";

export interface Confirmation {
  verb: string;
  stack: string;
  /** The person said so on the command line. */
  yes: boolean;
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

/**
 * Asks for the stack's name, which nobody types by habit.
 * @throws {StepError} for another answer, or where there is no terminal to ask at.
 */
export async function confirmStack({ verb, stack, yes, input, output }: Confirmation): Promise<void> {
  if (yes) return;
  if (!input.isTTY) {
    throw new StepError(
      `${verb}: expected a terminal to ask at, got none; nothing was changed. Add --yes once you have read the lines above.`,
    );
  }
  const asking = createInterface({ input, output });
  // At the end of the input no answer comes.
  const ended = new Promise<string>((done) => asking.once("close", () => done("")));
  const answer = await Promise.race([
    asking.question(`Type the name of the stack (${stack}) to go on: `),
    ended,
  ]);
  asking.close();
  if (answer.trim() === stack) return;
  throw new StepError(
    `${verb}: expected the stack's name ${stack}, got ${JSON.stringify(answer.trim())}; nothing was changed. Run it again.`,
  );
}
