/** A place where code reads the environment, or names a variable of it. */
export interface FlagRead {
  line: number;
  /** The variable, as it is written there. */
  name: string;
}

/** How one file reads the flag. */
export interface FlagReads {
  /** Places that read the flag by its configured name. */
  right: FlagRead[];
  /** Places that read a variable of a name that looks like the flag's: one of the two is never read. */
  wrong: FlagRead[];
}

const NAME = "([A-Za-z_][A-Za-z0-9_]{0,127})";
const QUOTED = `[rbfuRBFU]{0,2}["'\`]${NAME}["'\`]`;

/** Ways of languages to read the environment. All are linear: no repetition stands within another. */
const READS = [
  // Python os.environ["X"], .get("X"); Ruby ENV["X"], ENV.fetch("X"); process.env["X"], import.meta.env["X"].
  `\\b(?:environ|environment|env|ENV)(?:\\?\\.)?(?:\\.(?:get|pop|setdefault|fetch))?\\s{0,9}[[(]\\s{0,99}${QUOTED}`,
  // os.getenv("X"), System.getenv("X"), os.Getenv("X"), os.LookupEnv("X").
  `\\b(?:getenv|Getenv|LookupEnv|getenvb)\\s{0,9}\\(\\s{0,99}${QUOTED}`,
  // django-environ env.bool("X"), decouple config("X").
  `\\benv\\.\\w{1,20}\\s{0,9}\\(\\s{0,99}${QUOTED}`,
  `\\bconfig\\(\\s{0,99}${QUOTED}\\s{0,9},\\s{0,9}(?:default|cast)\\b`,
  // "X" in os.environ
  `${QUOTED}\\s{1,9}(?:not\\s{1,9})?in\\s{1,9}(?:os\\.)?environ\\b`,
  // process.env.X, import.meta.env.X, environment.X
  `\\b(?:env|environment)\\??\\.${NAME}(?![\\w(])`,
].map((source) => new RegExp(source, "g"));

/** `const { X: x, Y } = process.env`: the names stand before the environment. */
const DESTRUCTURED = /\{([^{}]{1,2000})\}\s{0,9}(?::[^=;]{1,99})?=\s{0,9}(?:process\.env|environment|env)\b/g;

/** Kinds of files that nothing runs. */
const PROSE = /\.(?:md|markdown|rst|txt|adoc|html?|css|svg|csv|lock)$/i;
/** Tests set the flag as they like: what they read says nothing of production. */
const TESTS = /(?:^|\/)(?:tests?|__tests__|spec)\/|(?:^|[/._-])(?:test|spec)s?[._-]|(?:^|\/)conftest\.py$/i;

/** Whether a file is code that runs in production. */
export const isRunCode = (path: string) =>
  !PROSE.test(path) && !TESTS.test(path) && !/_test\.\w+$/.test(path);

/** Whether a name holds most of the flag's words, in any case and however joined, and is another name. */
export function resembles(name: string, flagVariable: string): boolean {
  if (name === flagVariable) return false;
  const words = flagVariable.split("_").filter((word) => word !== "");
  const held = words.filter((word) => name.toUpperCase().includes(word)).length;
  return held * 2 > words.length;
}

/** How far back a line is read. */
const LINE_BEFORE = 500;

/** Whether the place is in a comment, as far as its line tells. */
function isCommented(text: string, at: number, path: string): boolean {
  const before = text.slice(Math.max(text.lastIndexOf("\n", at - 1) + 1, at - LINE_BEFORE), at);
  if (/^\s*(?:#|\/\/|\*|\/\*|--|<!--)/.test(before)) return true;
  return /\.(?:py|rb|sh|ya?ml|toml)$/.test(path) ? /\s#\s/.test(before) : /\s\/\/\s/.test(before);
}

interface Place {
  at: number;
  name: string;
}

function findPlaces(text: string): Place[] {
  const direct = READS.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ index, 0: whole, 1: name = "" }) => ({
      at: index + whole.indexOf(name),
      name,
    })),
  );
  const listed = [...text.matchAll(DESTRUCTURED)].flatMap(({ index, 1: list = "" }) =>
    [...list.matchAll(new RegExp(`(?:^|,)\\s{0,99}${NAME}`, "g"))].map((match) => ({
      at: index + 1 + match.index + match[0].indexOf(match[1] as string),
      name: match[1] as string,
    })),
  );
  return [...direct, ...listed];
}

/** The flag's own name as a text: handed to whatever reads the environment here. */
function findQuoted(text: string, flagVariable: string): Place[] {
  return [...text.matchAll(new RegExp(`["'\`](${flagVariable})["'\`]`, "g"))].map(({ index }) => ({
    at: index + 1,
    name: flagVariable,
  }));
}

/**
 * How a file reads the flag from the environment. A constant may be called anything: only names of variables count.
 * Pure. `known` are variables that only look like the flag.
 */
export function findFlagReads(
  { path, text }: { path: string; text: string },
  flagVariable: string,
  known: readonly string[] = [],
): FlagReads {
  const lineOf = (at: number) => text.slice(0, at).split("\n").length;
  const collect = (places: Place[]): FlagRead[] => {
    const lines = new Map(
      places.map(({ at, name }) => [`${lineOf(at)} ${name}`, { line: lineOf(at), name }]),
    );
    return [...lines.values()].sort((a, b) => a.line - b.line);
  };
  const told = ({ at }: Place) => !isCommented(text, at, path);
  const found = findPlaces(text);
  const right = [...found.filter(({ name }) => name === flagVariable), ...findQuoted(text, flagVariable)];
  const wrong = found.filter(({ name }) => resembles(name, flagVariable) && !known.includes(name));
  return { right: collect(right.filter(told)), wrong: collect(wrong.filter(told)) };
}
