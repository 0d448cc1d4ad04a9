import { lineStart } from "../../system/plain-line.ts";

/** Lines that are searched; a reason stands near the end. */
const SEARCHED = 400;
/** Reasons that a message shows. */
const SHOWN = 3;

/** How runners, compilers and interpreters write what went wrong. The whole line is shown. */
const REASONS = [
  // pytest's own: `E   ModuleNotFoundError: No module named 'x'`
  /^E\s+(?:[\w.]+(?:Error|Exception|Warning|Exit|Interrupt|Failed)\b|.*fixture '.*' not found)/,
  // Python, JavaScript, Java, Ruby, PHP, .NET: a class, a colon, a text
  /^\s*(?:Caused by: |Uncaught |Unhandled |PHP Fatal error: +|fatal error: )?(?:[\w$]+(?:\.|::|\\))*[A-Z][\w$]*(?:Error|Exception|Throwable)\b(?: \[\w+\])?: \S/,
  /^\s*(?:Uncaught )?Error(?: \[\w+\])?: \S/,
  /\((?:LoadError|NameError|NoMethodError|SyntaxError|\w+Error)\)\s*$/,
  // Compilers: TypeScript, Rust, javac and Maven, Go, C
  /\berror(?: TS\d+|\[E\d+\])?: \S/,
  /^\[ERROR\] \S+\.\w+:\[\d+,\d+\] /,
  /^(?:\.{0,2}\/)?[\w./-]+\.go:\d+:\d+: /,
  /^ImportError while loading conftest/,
  /^\s*Cannot find module /,
];

/** `tests/a.py:3`, `File "tests/a.py", line 3`, `Foo.java:[12,5]`, `a.ts(3,5)`: file and line. */
const PLACES = [
  /File "([^"<>]+)", line (\d+)/,
  /([\w@+~./\\-]*[\w-]\.[A-Za-z]\w{0,5}):(\d+)(?!\w)/,
  /([\w@+~./\\-]*[\w-]\.[A-Za-z]\w{0,5})[:(]\[?(\d+),\d+/,
];

/** Not where a test stands: the runner's and the language's own files. */
const FOREIGN = /site-packages|node_modules|node:internal|\/lib\/python|<frozen|importlib\/|\/_pytest\//;

function placeIn(line: string): string | undefined {
  for (const pattern of PLACES) {
    const [, file, number] = pattern.exec(line) ?? [];
    if (file && number) return FOREIGN.test(line) ? undefined : `${file}:${number}`;
  }
  return undefined;
}

/** The place nearest to the reason: Python tells it before, JavaScript and Java after. */
function findPlace(lines: readonly string[], at: number): string | undefined {
  const own = placeIn(lines[at] ?? "");
  if (own) return undefined;
  const before = lines.slice(Math.max(0, at - 40), at).reverse();
  const after = lines.slice(at + 1, at + 15);
  for (const line of [...before, ...after]) {
    const place = placeIn(line);
    if (place) return place;
  }
  return undefined;
}

const isReason = (line: string) => REASONS.some((pattern) => pattern.test(line));

/**
 * Why a program ended badly, from what it printed: the last lines that name an error, each with the file and line that
 * stands with it. Empty when none does. Pure.
 */
export function findReasons(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, as runners print them for a terminal
  const plain = text.replaceAll(/\u001b\[[0-9;]*m/g, "");
  const lines = plain.split(/\r?\n/).slice(-SEARCHED);
  const found = lines.flatMap((line, at) => {
    if (!isReason(line)) return [];
    const place = findPlace(lines, at);
    return [lineStart(`${line.replace(/^E\s+/, "")}${place ? ` (${place})` : ""}`)];
  });
  return [...new Set(found)].slice(-SHOWN);
}

/** What a report says of a failure, with the reason from its text where the message has none (`collection failure`). Pure. */
export function describeFailure(message: string, text: string): string {
  if (message === "") return lineStart(text);
  const last = findReasons(text).at(-1);
  // Of an assertion the message is the reason already.
  const short = last?.replace(/ \([^()]*:\d+\)$/, "") ?? "";
  if (last === undefined || message.length > 80 || message.includes(short)) return lineStart(message);
  const [, detail = short] = /^[\w.]+: (.*)$/.exec(short) ?? [];
  return lineStart(message.includes(detail.slice(0, 40)) ? message : `${message}: ${last}`);
}
