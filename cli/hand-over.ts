import { tellError } from "../errors/report-error.ts";
import { StepError } from "../errors/step-error.ts";
import { assertBackend } from "./backend.ts";
import type { Handover } from "./handed-verbs.ts";
import { ensureStack, runPulumi } from "./pulumi.ts";

/** Runs one of Pulumi's verbs; its exit code is ours. */
export async function handOver({ verb, args, stack, stackGiven }: Handover): Promise<number> {
  if (needsBackend(args)) assertBackend(stack);
  if (needsStack(args)) await ensureStack(stack);
  if (verb === "destroy") {
    await printGauge(stack);
    if (!args.includes("--preview-only")) await renewSecrets(stack, args);
  }
  const exitCode = await runPulumi(stackGiven ? nameStack(args, stack) : args, { stack });
  if (exitCode !== 0 && LOCKING.includes(verb)) await sayWhatNext(stack);
  if (exitCode === 0 && UNDOING.includes(verb) && !args.includes("--preview-only"))
    await sayWhatIsLeft(stack);
  return exitCode;
}

/** Verbs that may take steps back. */
const UNDOING = ["up", "destroy"];

/** All else is back, so the run has ended well; that something is not has to be the last that a person reads. */
async function sayWhatIsLeft(stack: string): Promise<void> {
  const { leftLine } = await import("./undo/left-line.ts");
  const line = leftLine(stack);
  if (line !== undefined) printLine(line);
}

/** Verbs for which Pulumi locks the stack. */
const LOCKING = ["up", "destroy", "refresh"];

/** What failed is told above; what to do about it is the last that a tired person reads. */
async function sayWhatNext(stack: string): Promise<void> {
  const { nextAfterFailure } = await import("./recover/next-action.ts");
  for (const line of await nextAfterFailure(stack)) printLine(line);
}

/** Commands that have Pulumi's option `--stack`. */
const TAKE_STACK = ["preview", "up", "destroy", "refresh", "config", "stack", "cancel"];

/** Verbs of `pulumi stack` whose word is the stack's name: both, Pulumi would refuse. */
const NAME_THEIR_STACK = ["init", "select", "rm"];

/** `--stack` as the user gave it: of a stack that is not there Pulumi says its name then, else "no stack selected". */
export function nameStack(args: readonly string[], stack: string): string[] {
  if (!TAKE_STACK.includes(args[0] ?? "")) return [...args];
  if (args[0] === "stack" && NAME_THEIR_STACK.includes(args[1] ?? "")) {
    if (args.slice(2).includes(stack)) return [...args];
    // What follows an option may be its value.
    const named = args.find(
      (word, at) => at >= 2 && ![word, args[at - 1]].some((each) => each?.startsWith("-")),
    );
    if (named !== undefined) {
      throw new StepError(
        `rollout: expected one stack, got ${stack} by --stack and ${named} as the word after ${args[1]}. Leave one of them out.`,
      );
    }
  }
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  return [...args.slice(0, end), "--stack", stack, ...args.slice(end)];
}

/** Commands that must work before there is a backend. */
function needsBackend([verb]: readonly string[]): boolean {
  const without = [
    "login",
    "logout",
    "version",
    "whoami",
    "plugin",
    "about",
    "help",
    "--help",
    "-h",
    "--version",
  ];
  return verb !== undefined && !without.includes(verb);
}

/** Commands that must work before there is a stack, or that make one. */
function needsStack(args: readonly string[]): boolean {
  const [verb, sub = ""] = args;
  return needsBackend(args) && !(verb === "stack" && ["init", "rm"].includes(sub));
}

/** The gauge informs: that it could not be read is no reason to refuse the way back. */
async function printGauge(stack: string): Promise<void> {
  try {
    const { gaugeDestroy } = await import("./gauge.ts");
    for (const line of await gaugeDestroy(stack)) printLine(line);
  } catch (error) {
    printLine(`gauge: could not look: ${tellError(error)}`);
  }
}

/** Best effort as well: an undo that is refused for an old password says so itself. */
async function renewSecrets(stack: string, args: readonly string[]): Promise<void> {
  try {
    const { renewStoredSecrets } = await import("./rotated-secret.ts");
    const yes = args.includes("--yes") || args.includes("-y");
    await renewStoredSecrets(stack, { yes, log: printLine });
  } catch (error) {
    printLine(tellError(error));
  }
}

function printLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
