import { reportError } from "../errors/report-error.ts";
import { handOver } from "./hand-over.ts";
import { readHandover } from "./handed-verbs.ts";

/** Runs one command line; of errors that nobody foresaw the stack goes to a file. */
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
    process.stderr.write(`${reportError(error, { step: "rollout" })}\n`);
    process.exitCode = 1;
  }
}

process.on("uncaughtException", (error) => {
  process.stderr.write(`${reportError(error, { step: "rollout" })}\n`);
  process.exit(1);
});
await main(process.argv.slice(2));
