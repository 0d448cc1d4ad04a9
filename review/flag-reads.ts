import { findSettingsFields } from "./settings-classes.ts";

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
  /** Lines of settings files that set it or hand it on. */
  set: FlagRead[];
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
  // Field(env="X") of pydantic, envvar="X" of click, validation_alias="X".
  `\\b(?:env|envvar|validation_alias)\\s{0,9}=\\s{0,9}(?:AliasChoices\\(\\s{0,9})?\\[?${QUOTED}`,
  // $_ENV["X"] of PHP.
  `\\$_(?:ENV|SERVER)\\s{0,9}\\[\\s{0,9}${QUOTED}`,
  // "X" in os.environ
  `${QUOTED}\\s{1,9}(?:not\\s{1,9})?in\\s{1,9}(?:os\\.)?environ\\b`,
  // process.env.X, import.meta.env.X, environment.X
  `\\b(?:env|environment)\\??\\.${NAME}(?![\\w(])`,
].map((source) => new RegExp(source, "g"));

/** `const { X: x, Y } = process.env`: the names stand before the environment. */
const DESTRUCTURED = /\{([^{}]{1,2000})\}\s{0,9}(?::[^=;]{1,99})?=\s{0,9}(?:process\.env|environment|env)\b/g;

/** decouple's own: elsewhere \`config("X")\` may be anything. */
const DECOUPLED = new RegExp(`\\bconfig\\(\\s{0,99}${QUOTED}`, "g");

/** Files where a name in capitals is a variable of the environment. */
const SETTINGS =
  /(?:^|\/)(?:\.env[^/]*|Dockerfile[^/]*|Makefile|Procfile)$|\.(?:env|sh|bash|zsh|ya?ml|toml|ini|cfg|conf|service|properties|tf|tfvars|json)$/i;
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
  return SETTINGS.test(path) || /\.(?:py|rb)$/.test(path) ? /\s#\s/.test(before) : /\s\/\/\s/.test(before);
}

interface Place {
  at: number;
  name: string;
}

function findPlaces(path: string, text: string): Place[] {
  const patterns = [...READS, ...(/\bdecouple\b/.test(text) ? [DECOUPLED] : [])];
  const direct = patterns.flatMap((pattern) =>
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
  return [...direct, ...listed, ...(path.endsWith(".py") ? findSettingsFields(text) : [])];
}

/** Who takes the name of an attribute or of a key, not of a variable. */
const KEYED =
  /(?:\b(?:getattr|setattr|hasattr|delattr|object|append|index)|\.(?:get|pop|setdefault|has))\s{0,9}\([^()]{0,200}$/;

/**
 * The flag's own name as a text, handed to whatever reads the environment here: by a call, or as the value of a name. What
 * is a key of the application's own settings is none.
 */
function findQuoted(text: string, flagVariable: string): Place[] {
  return [...text.matchAll(new RegExp(`[rbfuRBFU]{0,2}(["'\`])${flagVariable}\\1`, "g"))].flatMap(
    ({ 0: whole, index }) => {
      const before = text.slice(Math.max(0, index - 300), index);
      const after = text.slice(index + whole.length, index + whole.length + 20);
      const isValue = /(?:[^=!<>]=|:=|=>)\s{0,99}$/.test(before);
      const isHanded = /\([^()[\]{}]{0,200}$/.test(before) && !KEYED.test(before);
      const isKey = /^\s{0,9}:(?!:)/.test(after);
      return (isValue || isHanded) && !isKey
        ? [{ at: index + whole.indexOf(flagVariable), name: flagVariable }]
        : [];
    },
  );
}

/** Places of a settings file that name the variable: `$X` reads it, anything else sets it or hands it on. */
function findInSettings(path: string, text: string, flagVariable: string): { read: Place[]; set: Place[] } {
  if (!SETTINGS.test(path)) return { read: [], set: [] };
  const word = new RegExp(`(?<![A-Za-z0-9_])${flagVariable}(?![A-Za-z0-9_])`, "g");
  const places = [...text.matchAll(word)].map(({ index: at }) => ({ at, name: flagVariable }));
  const isRead = ({ at }: Place) => /\$[{(]?$/.test(text.slice(Math.max(0, at - 2), at));
  return { read: places.filter(isRead), set: places.filter((place) => !isRead(place)) };
}

/**
 * How a file reads the flag from the environment, and where a settings file sets it. A constant may be called anything: only
 * names of variables count, whether the flag comes or goes. Pure. `known` are variables that only look
 * like the flag.
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
  const found = findPlaces(path, text);
  // The names of settings classes are variables in any case.
  const fields = path.endsWith(".py") ? new Set(findSettingsFields(text).map(({ at }) => at)) : new Set();
  const isFlag = ({ at, name }: Place) =>
    name === flagVariable || (fields.has(at) && name.toUpperCase() === flagVariable.toUpperCase());
  const settings = findInSettings(path, text, flagVariable);
  const right = [...found.filter(isFlag), ...findQuoted(text, flagVariable), ...settings.read];
  const wrong = found.filter(
    (place) => !isFlag(place) && resembles(place.name, flagVariable) && !known.includes(place.name),
  );
  return {
    right: collect(right.filter(told)),
    wrong: collect(wrong.filter(told)),
    set: collect(settings.set.filter(told)),
  };
}
