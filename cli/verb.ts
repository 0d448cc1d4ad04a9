import type { CommandModule } from "yargs";

/** Options that every verb of ours understands. */
export interface StackOption {
  stack: string;
}

/** A verb of ours: yargs' command whose handler returns an exit code, and an example for its help. */
export interface Verb<Options = StackOption> extends Omit<CommandModule<StackOption, Options>, "handler"> {
  command: string;
  describe: string;
  example: [command: string, shows: string];
  run(options: Options): Promise<number>;
}

/** Prints what the verb is for; progress and errors go to stderr. */
export function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** A progress line. */
export function logLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
