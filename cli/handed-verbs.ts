import { stackOf } from "../bin/command-line.mjs";

/** A verb that is Pulumi's own: handed over word by word. */
export interface HandedVerb {
  about: string;
  example: string;
  /** What the example does. */
  shows: string;
}

/** Verbs that go to Pulumi with the right toolchain and, unless given, `--stack sandbox`. */
export const HANDED_VERBS: Record<string, HandedVerb> = {
  preview: {
    about: "Show what `up` would do: rows, SQL with its locks, time, drift, the way back",
    example: "rollout preview",
    shows: "what the phase in the config would change",
  },
  up: {
    about: "Advance to, hold or go back to the phase in the config",
    example: "rollout up --yes",
    shows: "without asking (needed where there is no terminal)",
  },
  destroy: {
    about: "Undo everything, in strict reverse order; backups and evidence stay",
    example: "rollout destroy --yes",
    shows: "the whole way back, without asking",
  },
  refresh: {
    about: "Pulumi's refresh",
    example: "rollout refresh --yes",
    shows: "Pulumi's view of the stack, read again",
  },
  config: {
    about: "Read or change the stack's configuration",
    example: "rollout config set phase 1",
    shows: "the next `up` migrates the database",
  },
  stack: {
    about: "Pulumi's stack commands",
    example: "rollout stack output",
    shows: "what the last `up` left",
  },
  pulumi: {
    about: "Any Pulumi command, as it is",
    example: "rollout pulumi stack history",
    shows: "past updates",
  },
};

/** A command line for Pulumi. */
export interface Handover {
  verb: string;
  /** Arguments for Pulumi, its verb first, without `--stack`. */
  args: string[];
  stack: string;
  /** It was given as an option: Pulumi gets it so too, and names it when there is no such stack. */
  stackGiven: boolean;
}

/**
 * Reads a command line that begins with one of Pulumi's verbs (`--stack` may stand before it).
 * Undefined when the verb is ours, or when help for one of Pulumi's verbs is asked for: yargs answers that.
 */
export function readHandover(argv: readonly string[]): Handover | undefined {
  const { rest, given } = takeStack(argv);
  const [verb, ...words] = rest;
  if (verb === undefined || !Object.hasOwn(HANDED_VERBS, verb)) return undefined;
  const stack = stackOf(argv);
  if (verb === "pulumi") return { verb, args: words, stack, stackGiven: given };
  if (words.includes("--help") || words.includes("-h")) return undefined;
  return { verb, args: rest, stack, stackGiven: given };
}

/** Takes `--stack X`, `--stack=X`, `-s X` out of the words; what follows `--` is left alone. */
function takeStack(argv: readonly string[]): { rest: string[]; given: boolean } {
  const rest: string[] = [];
  let given = false;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] as string;
    if (word === "--") {
      rest.push(...argv.slice(index));
      break;
    }
    const joined = /^(?:--stack|-s)=./.test(word);
    const apart = (word === "--stack" || word === "-s") && argv[index + 1] !== undefined;
    if (apart) index += 1;
    if (joined || apart) given = true;
    else rest.push(word);
  }
  return { rest, given };
}
