import type { EnvPart } from "./env-parts.ts";

/** What Python takes for blanks in a text, line ends among them; and without these. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANK = "\\t\\v\\f\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const sticky = (source: string) => new RegExp(source, "uy");

const BLANK_LINE = sticky(`[${BLANK}]*(?:\\r\\n|\\n|\\r)`);
const SPACES = sticky(`[${SPACE}]*`);
const EXPORT = sticky(`(?:export[${BLANK}]+)?`);
const KEY = sticky(`'([^']+)'|([^=#${SPACE}][^=#${SPACE}]*)`);
const COMMENT_KEY = sticky("#");
const BLANKS = sticky(`[${BLANK}]*`);
const EQUAL = sticky(`=[${BLANK}]*`);
const SINGLE = sticky("'((?:\\\\'|[^'])*)'");
const DOUBLE = sticky('"((?:\\\\"|[^"])*)"');
const BARE = sticky("[^\\r\\n]*");
const END = sticky(`(?:[${BLANK}]*#[^\\r\\n]*)?[${BLANK}]*(?:\\r\\n|\\n|\\r|$)`);
const REST = sticky("[^\\r\\n]*(?:\\r\\n|\\n|\\r)?");
const COMMENT_OF_BARE = new RegExp(`[${SPACE}]+#.*`, "su");
const TRAILING = new RegExp(`[${SPACE}]+$`, "u");

const ESCAPES: Record<string, string> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** Reads on where the last one ended; undefined, and no step further, when it does not match there. */
class Cursor {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at = pattern.lastIndex;
    return found;
  }
}

const resolveEscapes = (text: string, which: RegExp) =>
  text.replaceAll(/\r\n?/g, "\n").replaceAll(which, (_, char: string) => ESCAPES[char] ?? char);

function takeValue(cursor: Cursor): string | undefined {
  const first = cursor.text[cursor.at];
  if (first === "'") {
    const found = cursor.take(SINGLE);
    return found && resolveEscapes(found[1] ?? "", /\\([\\'])/g);
  }
  if (first === '"') {
    const found = cursor.take(DOUBLE);
    return found && resolveEscapes(found[1] ?? "", /\\([\\'"abfnrtv])/g);
  }
  const [bare = ""] = cursor.take(BARE) ?? [];
  return bare.replace(COMMENT_OF_BARE, "").replace(TRAILING, "");
}

/** What one binding says; undefined for a comment and for what dotenv does not understand: that line is passed over. */
function takeBinding(cursor: Cursor): EnvPart["assigns"] {
  const failed = () => {
    cursor.take(REST);
    return undefined;
  };
  cursor.take(SPACES);
  cursor.take(EXPORT);
  COMMENT_KEY.lastIndex = cursor.at;
  const isComment = COMMENT_KEY.test(cursor.text);
  const key = isComment ? undefined : cursor.take(KEY);
  if (!isComment && !key) return failed();
  cursor.take(BLANKS);
  const hasValue = cursor.take(EQUAL) !== undefined;
  const value = hasValue ? takeValue(cursor) : null;
  if (value === undefined || !cursor.take(END)) return failed();
  return key && { name: key[1] ?? key[2] ?? "", value };
}

/**
 * Takes an environment file apart as python-dotenv's load_dotenv() does, without putting `${…}` in place.
 * @see https://github.com/theskumar/python-dotenv/blob/main/src/dotenv/parser.py
 */
export function parseDotenv(text: string): EnvPart[] {
  // Blanks beyond ASCII are told in characters; what is no UTF-8 is read by nobody and only kept.
  const bytes = Buffer.from(text, "latin1");
  const decoded = bytes.toString("utf8");
  const isUtf8 = Buffer.from(decoded, "utf8").equals(bytes);
  const cursor = new Cursor(isUtf8 ? decoded : text);
  const encode = (part: string) => (isUtf8 ? Buffer.from(part, "utf8").toString("latin1") : part);
  const parts: EnvPart[] = [];
  while (cursor.at < cursor.text.length) {
    const start = cursor.at;
    const assigns = cursor.take(BLANK_LINE) ? undefined : takeBinding(cursor);
    if (cursor.at === start) cursor.at = cursor.text.length;
    const part = encode(cursor.text.slice(start, cursor.at));
    const value = assigns?.value;
    const kept = assigns && { name: assigns.name, value: typeof value === "string" ? encode(value) : null };
    parts.push({ text: part, ...(kept ? { assigns: kept } : {}) });
  }
  return parts;
}

/** `${NAME}` and `${NAME:-default}`, whatever the quotes, from what stands above it. Pure. */
export function expandDotenv(value: string, known: ReadonlyMap<string, string>): string {
  return value.replaceAll(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback = "") => known.get(name) ?? fallback,
  );
}
