import { type EnvLine, type EnvValue, parseLines } from "./dotenv-lines.ts";

/** What an environment file says of one variable. */
export interface VariableReading {
  /** Its value; of several lines the last one counts. Absent when no line assigns it. */
  value?: string;
  /** Numbers of the lines that assign it, from 1. More than one: someone added lines instead of changing one. */
  lines: number[];
}

/** An edited text, and how many lines beside the one that counted were taken out. */
export interface Edited {
  text: string;
  folded: number;
}

const assigning = (lines: readonly EnvLine[], name: string) =>
  lines.flatMap((line, index) => (line.assigns?.name === name ? [index] : []));

const join = (lines: readonly EnvLine[]) => lines.map(({ text, end }) => text + end).join("");

/** Reads a variable. Pure. */
export function readVariable(text: string, name: string): VariableReading {
  const lines = parseLines(text);
  const found = assigning(lines, name);
  const value = lines[found.at(-1) ?? -1]?.assigns?.value.text;
  return { ...(value === undefined ? {} : { value }), lines: found.map((index) => index + 1) };
}

/** @throws for a value that could not be read back as it is by every reader of such files. */
function requirePlain(value: string): void {
  if (/[\r\n\0"'\\$`]/.test(value))
    throw new Error("dotenv-edit: expected a value without quotes, backslash, $, ` and line ends, got one");
}

function write(value: string, { quote }: EnvValue): string {
  const wanted = quote === "" && /[\s#;]/.test(value) ? '"' : quote;
  return wanted + value + wanted;
}

function withValue(line: EnvLine, value: string): EnvLine {
  const { before, value: was, after } = line.assigns as NonNullable<EnvLine["assigns"]>;
  return { text: before + write(value, was) + after, end: line.end };
}

/** A new last line. A file that does not end with a line end goes on not doing so. */
function append(lines: readonly EnvLine[], text: string): EnvLine[] {
  const last = lines.at(-1);
  const end = lines.findLast((line) => line.end !== "")?.end ?? "\n";
  if (!last) return [{ text, end }];
  return [...lines.slice(0, -1), { ...last, end: last.end || end }, { text, end: last.end }];
}

/** Lines without these. When the last one goes, the file ends as it did: with or without a line end. */
function without(lines: readonly EnvLine[], gone: readonly number[]): EnvLine[] {
  const left = lines.filter((_, index) => !gone.includes(index));
  const [last, lastLeft] = [lines.at(-1), left.at(-1)];
  if (!last || !lastLeft || last === lastLeft || last.end !== "") return left;
  return [...left.slice(0, -1), { ...lastLeft, end: "" }];
}

/**
 * Sets a variable on the line that counts, the last one, and takes out the others. Comments, order, `export`, quotes,
 * blanks and line ends stay; every other line keeps its bytes. A variable that is missing gets a line at the end. Pure.
 */
export function setVariable(text: string, name: string, value: string): Edited {
  requirePlain(value);
  const lines = parseLines(text);
  const found = assigning(lines, name);
  const counts = found.pop();
  if (counts === undefined) return { text: join(append(lines, `${name}=${value}`)), folded: 0 };
  const edited = lines.map((line, index) => (index === counts ? withValue(line, value) : line));
  return { text: join(without(edited, found)), folded: found.length };
}

/** Takes out every line that assigns the variable. Pure. */
export function removeVariable(text: string, name: string): Edited {
  const lines = parseLines(text);
  const found = assigning(lines, name);
  return { text: join(without(lines, found)), folded: Math.max(0, found.length - 1) };
}
