import process from "node:process";
import yargs, { type Argv } from "yargs";
import { hideCredentials } from "../config/value-text.ts";
import { StepError } from "../errors/step-error.ts";
import { auditVerb } from "./audit.ts";
import { backupsVerb } from "./backups.ts";
import { checklistVerb } from "./checklist.ts";
import { envVerb } from "./env.ts";
import { finishVerb } from "./finish.ts";
import { flagVerb } from "./flag.ts";
import { HANDED_VERBS } from "./handed-verbs.ts";
import { investigateVerb } from "./investigate.ts";
import { DEFAULT_STACK } from "./project.ts";
import { recoverVerb } from "./recover.ts";
import { sandboxVerb } from "./sandbox.ts";
import { startVerb } from "./start.ts";
import { statusVerb } from "./status.ts";
import { undoVerb } from "./undo.ts";
import { uninstallVerb } from "./uninstall.ts";
import type { StackOption, Verb } from "./verb.ts";
import { verifyVerb } from "./verify.ts";

const OWN_VERBS = [
  startVerb,
  statusVerb,
  flagVerb,
  checklistVerb,
  investigateVerb,
  recoverVerb,
  undoVerb,
  verifyVerb,
  auditVerb,
  backupsVerb,
  finishVerb,
  uninstallVerb,
  sandboxVerb,
  envVerb,
];

function addOwnVerb(parser: Argv<StackOption>, verb: Verb<never>): void {
  const { command, describe, example, builder, run } = verb;
  parser.command<StackOption>({
    command,
    describe,
    builder: (own: Argv<StackOption>) => {
      own.example([[`$ ${example[0]}`, example[1]]]);
      return typeof builder === "function" ? (builder(own) as Argv<StackOption>) : own;
    },
    handler: async (options) => {
      process.exitCode = await run(options as never);
    },
  });
}

/** For help and completion only: the words of these verbs are Pulumi's and never parsed here. */
function addHandedVerb(parser: Argv<StackOption>, name: string): void {
  const { about, example, shows } = HANDED_VERBS[name] as (typeof HANDED_VERBS)[string];
  const own = name === "pulumi" ? "" : `${name} `;
  parser.command(`${name} [words..]`, about, (yargs) =>
    yargs
      .example([[`$ ${example}`, shows]])
      .epilogue(`Handed to Pulumi. Its own options: rollout pulumi ${own}--help`),
  );
}

/** The command line of everything that is not handed to Pulumi as it is. */
export function buildParser(argv: string[]): Argv<StackOption> {
  const parser = yargs(argv)
    .scriptName("rollout")
    .usage("$0 <verb>\n\nOne number, `phase`, rolls the change out and takes it back.")
    .option("stack", { alias: "s", type: "string", default: DEFAULT_STACK, describe: "Pulumi stack" });
  for (const name of Object.keys(HANDED_VERBS)) addHandedVerb(parser, name);
  for (const verb of OWN_VERBS) addOwnVerb(parser, verb as unknown as Verb<never>);
  return parser
    .completion("completion", "Print the completion script for bash or zsh")
    .example([
      ["$ rollout start", "sandbox up and the rollout as far as it is built"],
      ["$ rollout preview", "what `up` would do"],
      ["$ rollout config set phase 0", "then `rollout up` goes back"],
    ])
    .demandCommand(1, "rollout: expected a verb, got none.")
    .strict()
    .recommendCommands()
    .parserConfiguration({ "duplicate-arguments-array": false })
    .version(false)
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new StepError(explainMisuse(argv, message));
    });
}

/** yargs' own words, the verb in question before them. A password in a mistyped command line is not repeated. */
function explainMisuse(argv: readonly string[], message: string): string {
  const verb = argv.find((word) => /^[\w-]{1,30}$/.test(word) && !word.startsWith("-"));
  const where = verb === undefined ? "" : `rollout ${verb}: `;
  const known = OWN_VERBS.some(({ command }) => command.split(" ")[0] === verb);
  const see = known
    ? `its words and options: rollout ${verb} --help`
    : "the verbs and options: rollout --help";
  return `${where}${hideCredentials(message)}\nSee ${see}`;
}
