// Parsed by old Nodes as well: see programs.mjs.

/** Verbs of `pulumi stack` that take the stack's name as their word. */
const NAME_A_STACK = ["init", "select", "rm"];

/** The name in `stack init production`: without it a real stack would be made in the sandbox's own backend. */
function stackNamed(args) {
  const words = args.filter((word) => !word.startsWith("-"));
  if (words[0] === "pulumi") words.shift();
  return words[0] === "stack" && NAME_A_STACK.indexOf(words[1]) >= 0 ? words[2] : undefined;
}

/** The stack that a command line names with --stack or -s, or as the word of `stack init`; else the sandbox. */
export function stackOf(args) {
  const end = args.indexOf("--") < 0 ? args.length : args.indexOf("--");
  const options = args.slice(0, end);
  const joined = options.map((option) => /^(?:--stack|-s)=(.+)$/.exec(option)).find(Boolean);
  if (joined) return joined[1];
  const at = options.findIndex((option) => option === "--stack" || option === "-s");
  return (at >= 0 && options[at + 1]) || stackNamed(options) || "sandbox";
}

/** True for what needs no Pulumi: help and completion must not start with minutes of building. */
export function isHelp(args) {
  const asked = ["--help", "-h", "--get-yargs-completions", "completion"];
  return args.length === 0 || args.some((argument) => asked.indexOf(argument) >= 0);
}

/** True for what works on a machine without stack, backend and engine: an archive is verified anywhere. */
export function needsNoStack(args) {
  if (isHelp(args)) return true;
  const words = args.filter(
    (word, at) => !word.startsWith("-") && ["--stack", "-s"].indexOf(args[at - 1]) < 0,
  );
  return words[0] === "verify" && words.length > 1;
}
