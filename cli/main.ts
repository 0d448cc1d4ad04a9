import { StepError } from "../errors/step-error.ts";
import { handOver } from "./hand-over.ts";
import { readHandover } from "./handed-verbs.ts";

/** Runs one command line; errors that a person can mend are shown as their message alone. */
async function main(argv: string[]): Promise<void> {
  try {
    const handover = readHandover(argv);
    if (handover) {
      process.exitCode = await handOver(handover);
      return;
    }
    // Loaded late: what goes to Pulumi needs none of it, and has to start as fast as plain `pulumi`.
    const { buildParser } = await import("./parser.ts");
    await buildParser(argv).parseAsync();
  } catch (error) {
    const shown =
      error instanceof Error && !(error instanceof StepError) ? error.stack : (error as Error).message;
    process.stderr.write(`${shown}\n`);
    process.exitCode = 1;
  }
}

await main(process.argv.slice(2));
