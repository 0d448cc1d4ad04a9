import { expandDotenv } from "./dotenv-parts.ts";
import { bodyOf, type EnvPart, type EnvReader, endOf, parseParts, unreadableBy } from "./env-parts.ts";

/** What a reader makes of one variable in an environment file. */
export interface VariableReading {
  /** Its value; of several lines the last one counts. Null when none sets it. */
  value: string | null;
  /** Numbers of the lines that assign it, from 1. More than one: someone added lines instead of changing one. */
  lines: number[];
  /** Variables of `${…}` in it that the file does not set: the process's environment decides. */
  borrowed: string[];
  /** Why the reader refuses the whole file. */
  unreadable?: string;
}

/** An edited text, and how many lines beside the one that counted were taken out. */
export interface Edited {
  text: string;
  folded: number;
}

const join = (parts: readonly EnvPart[]) => parts.map(({ text }) => text).join("");
const lineEnds = (text: string) => text.match(/\r\n|\n|\r/g)?.length ?? 0;

/** Values as dotenv puts them together: `${…}` from the lines above. Other readers take them as they are. */
function valuesOf(parts: readonly EnvPart[], reader: EnvReader): (string | null | undefined)[] {
  const known = new Map<string, string>();
  return parts.map(({ assigns }) => {
    if (!assigns) return undefined;
    const { name, value } = assigns;
    const said = reader === "dotenv" && value !== null ? expandDotenv(value, known) : value;
    if (said === null) known.delete(name);
    else known.set(name, said);
    return said;
  });
}

function borrowedBy(parts: readonly EnvPart[], counted: EnvPart | undefined, reader: EnvReader): string[] {
  if (reader !== "dotenv" || !counted?.assigns?.value) return [];
  const above = parts.slice(0, parts.indexOf(counted)).map(({ assigns }) => assigns?.name);
  const names = [...counted.assigns.value.matchAll(/\$\{([^}:]*)/g)].map(([, name = ""]) => name);
  return names.filter((name) => !above.includes(name));
}

/** Reads a variable as this reader does. Pure. */
export function readVariable(text: string, name: string, reader: EnvReader): VariableReading {
  const parts = parseParts(text, reader);
  const unreadable = unreadableBy(parts, reader);
  const values = valuesOf(parts, reader);
  const found = parts.flatMap(({ assigns }, index) => (assigns?.name === name ? [index] : []));
  const last = found.at(-1);
  const value = last === undefined || unreadable ? null : (values[last] ?? null);
  const lines = found.map((index) => 1 + lineEnds(join(parts.slice(0, index))));
  const borrowed = borrowedBy(parts, last === undefined ? undefined : parts[last], reader);
  return { value, lines, borrowed, ...(unreadable ? { unreadable } : {}) };
}

/** Every variable as a process gets it from this reader, as characters. Pure. */
export function readVariables(text: string, reader: EnvReader): Record<string, string> {
  const parts = parseParts(text, reader);
  const variables = new Map<string, string>();
  valuesOf(parts, reader).forEach((value, at) => {
    // What is no name, such as systemd's `export A`, is in nobody's environment.
    const name = parts[at]?.assigns?.name ?? "";
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return;
    if (typeof value === "string") variables.set(name, Buffer.from(value, "latin1").toString("utf8"));
    else variables.delete(name);
  });
  return Object.fromEntries(variables);
}

const VALUE = /^([^=]*=[ \t]*)(?:"(?:\\[\s\S]|[^"\\])*"|'[^']*'|.*?)([ \t]+#.*|[ \t]*)$/s;

/** A line with another value, the most faithful first: quotes and comment kept, without the comment, bare. */
function rewritten(text: string, name: string, value: string, end: string): string[] {
  const body = bodyOf(text);
  const [, before = `${name}=`, after = ""] = VALUE.exec(body) ?? [];
  const quote = /^["']/.exec(body.slice(before.length))?.[0] ?? "";
  const quoted = `${before}${quote}${value}${quote}`;
  return [quoted + after, quoted, `${before}${value}`, `${name}=${value}`].map((line) => line + end);
}

/** The line end that a new line gets. */
const newEnd = (text: string) => endOf(text) || /\r\n|\n/.exec(text)?.[0] || "\n";

function closed(text: string): string {
  return text === "" || endOf(text) !== "" ? text : text + newEnd(text);
}

/** Texts with the line, the one that changes least first. Whether it is read there is not known yet. */
function candidates(text: string, name: string, value: string, reader: EnvReader): Edited[] {
  const parts = parseParts(text, reader);
  const found = parts.filter(({ assigns }) => assigns?.name === name);
  const counted = found.at(-1);
  const folded = Math.max(0, found.length - 1);
  const others = join(parts.filter((part) => !found.includes(part)));
  const line = `${name}=${value}${newEnd(text)}`;
  const inPlace = counted
    ? rewritten(counted.text, name, value, endOf(counted.text) || newEnd(text)).map((changed) =>
        parts.map((part) => (part === counted ? changed : found.includes(part) ? "" : part.text)).join(""),
      )
    : [];
  // After a last line that goes on (an open quote, a backslash) a new one is read at the top only.
  const isMarked = text.startsWith("\u00ef\u00bb\u00bf");
  const added = [closed(others) + line, ...(isMarked ? [] : [line + others])];
  return [...inPlace, ...added].map((edited) => ({ text: edited, folded }));
}

/**
 * Sets a variable on the line that counts, the last one, and takes out the others. Comments, order, quotes, blanks and
 * line ends stay as far as every reader then reads the value; every other line keeps its bytes. A line of ours ends with
 * a line end: what somebody appends later does not land on it. Pure.
 * @returns undefined when there is no way in which all of them would read it.
 */
export function setVariable(
  text: string,
  name: string,
  value: string,
  readers: readonly EnvReader[],
): Edited | undefined {
  const isRead = (edited: string) =>
    readers.every((reader) => {
      const { value: read, lines } = readVariable(edited, name, reader);
      return read === value && lines.length === 1;
    });
  if (isRead(text)) return { text, folded: 0 };
  const ways = readers.flatMap((reader) => candidates(text, name, value, reader));
  return ways.find((way) => isRead(way.text));
}

/** Takes out every line that one of them reads as the variable; the others keep their bytes. Pure. */
export function removeVariable(text: string, name: string, readers: readonly EnvReader[]): Edited {
  let [left, removed] = [text, 0];
  for (const reader of readers) {
    const parts = parseParts(left, reader);
    const stay = parts.filter(({ assigns }) => assigns?.name !== name);
    removed = Math.max(removed, parts.length - stay.length);
    left = join(stay);
  }
  return { text: left, folded: Math.max(0, removed - 1) };
}
