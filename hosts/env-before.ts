import { createHash } from "node:crypto";
import { z } from "zod";
import { bodyOf, ENV_READERS, type EnvReader, endOf, parseParts } from "./env-parts.ts";

const KeptLine = z.strictObject({
  /** Its bytes, with the line end that it has or lacks. */
  text: z.string(),
  /** Mark of the line above it; null for the first line of the file. */
  above: z.string().nullable(),
  /** How many other lines stand above it. */
  index: z.int().min(0),
});

/**
 * What of an environment file a step replaces: the lines of one variable, byte for byte, and where they stood. The other
 * lines are the operators' own, may hold secrets and are not kept: an undo leaves them as they are by then.
 */
export const EnvBefore = z.strictObject({
  /** False where there was no file at all. */
  exists: z.boolean(),
  /** Who read the file then: by them its lines are told apart on the way back as well. */
  readers: z.array(z.enum(ENV_READERS)).min(1),
  lines: z.array(KeptLine),
  /** Mark of the last line where the file ended without a line end; null where it had one. */
  open: z.string().nullable(),
});
export type EnvBefore = z.infer<typeof EnvBefore>;

/** Tells lines apart. So short that it gives away nothing of a line that holds a secret. */
const markOf = (line: string) =>
  createHash("sha256").update(bodyOf(line), "latin1").digest("hex").slice(0, 4);

const linesOf = (text: string) => text.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];

/** Where the variable's lines begin and end, by whoever reads them as such. */
function rangesOf(text: string, name: string, readers: readonly EnvReader[]): [number, number][] {
  const ranges = readers.flatMap((reader) => {
    let at = 0;
    return parseParts(text, reader).flatMap(({ text: part, assigns }): [number, number][] => {
      at += part.length;
      return assigns?.name === name ? [[at - part.length, at]] : [];
    });
  });
  ranges.sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [start, end] of ranges) {
    const last = merged.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** The file in two: the other lines, and the variable's with how many of the others stand above each. */
function takeApart(text: string, name: string, readers: readonly EnvReader[]) {
  const others: string[] = [];
  const own: { text: string; index: number }[] = [];
  let at = 0;
  for (const [start, end] of rangesOf(text, name, readers)) {
    others.push(...linesOf(text.slice(at, start)));
    own.push({ text: text.slice(start, end), index: others.length });
    at = end;
  }
  others.push(...linesOf(text.slice(at)));
  return { others, own };
}

/** The variable's lines as they are written, without the last one's line end: whether somebody changed them since. Pure. */
export function ownLines(text: string, name: string, readers: readonly EnvReader[]): string {
  return bodyOf(
    takeApart(text, name, readers)
      .own.map((line) => line.text)
      .join(""),
  );
}

/** What a change of the variable will replace. Pure. */
export function keepLines(
  file: { text: string; exists: boolean },
  name: string,
  readers: readonly EnvReader[],
): EnvBefore {
  const { text, exists } = file;
  const { others, own } = takeApart(text, name, readers);
  const last = linesOf(text).at(-1);
  const lines = own.map((line) => ({
    ...line,
    above: line.index === 0 ? null : markOf(others[line.index - 1] as string),
  }));
  return { exists, readers: [...readers], lines, open: last && endOf(last) === "" ? markOf(last) : null };
}

/** Where a line stood: below the line that it stood below, the nearest of those; else as far down as it was. */
function placeOf(kept: EnvBefore["lines"][number], others: readonly string[], from: number): number {
  const last = others.length;
  const places = Array.from({ length: last - from + 1 }, (_, offset) => from + offset);
  const isThere = (place: number) =>
    (place === 0 ? null : markOf(others[place - 1] as string)) === kept.above;
  const near = (a: number, b: number) => Math.abs(a - kept.index) - Math.abs(b - kept.index);
  return places.filter(isThere).sort(near)[0] ?? Math.max(from, Math.min(kept.index, last));
}

/**
 * A file with the variable's lines as they were kept. Whatever the others are by now, they stay; only a line end that we
 * gave the last line goes again, if nothing was appended since. Pure.
 */
export function putLinesBack(text: string, name: string, before: EnvBefore): string {
  const { others } = takeApart(text, name, before.readers);
  const end = /\r\n|\n/.exec(text)?.[0] ?? "\n";
  const back = [...others];
  let [from, inserted] = [0, 0];
  for (const kept of before.lines) {
    from = placeOf(kept, others, from);
    back.splice(from + inserted, 0, kept.text);
    inserted += 1;
  }
  const closed = back.map((line, index) =>
    index < back.length - 1 && endOf(line) === "" ? line + end : line,
  );
  const whole = closed.join("");
  const last = linesOf(whole).at(-1);
  return before.open !== null && last && markOf(last) === before.open ? bodyOf(whole) : whole;
}
