import { constants } from "node:os";

/** Signals as a failure names them. */
const SIGNAL_NAMES: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
  SIGQUIT: "quit",
  SIGABRT: "aborted",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
};

/** `exit status 3` or `signal: killed`; undefined for success. */
export function describeExit(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (code === 0) return undefined;
  if (code !== null) return `exit status ${code}`;
  if (!signal) return "no exit status";
  return `signal: ${SIGNAL_NAMES[signal] ?? `signal ${constants.signals[signal]}`}`;
}

const ESCAPES: Record<string, string> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** The command on one line, in quotes, as the official plugin's messages have it. */
export function quoteCommand(command: string): string {
  const body = command.replace(/["\\]|[\p{C}\p{Z}]/gu, (character) => {
    if (character === " ") return character;
    const known = ESCAPES[character];
    if (known) return known;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${body}"`;
}

/** A failure travels in an HTTP header: what is longer than this is cut in the middle, the end being the telling part. */
const LONGEST_OUTPUT = 256 * 1024;

function shorten(output: string): string {
  if (output.length <= LONGEST_OUTPUT) return output;
  const half = LONGEST_OUTPUT / 2;
  const left = output.length - LONGEST_OUTPUT;
  return `${output.slice(0, half)}\n[… ${left} characters left out …]\n${output.slice(-half)}`;
}

/** The whole message of a failed command: reason, command, what it printed. */
export function failureText(reason: string, command: string, output: string): string {
  return `${reason}: running ${quoteCommand(command)}:\n${shorten(output)}`;
}
