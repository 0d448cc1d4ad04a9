// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one
const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g;
/** What a terminal acts on, what nobody sees, and space of every kind. */
const UNSEEN = /[\p{C}\p{Z}]+/gu;

/**
 * A text of others (of a program, a person, a page) on one line, as it may stand in a message: without colours, without
 * what a terminal acts on and without what reorders or hides letters.
 */
export function plainLine(text: string): string {
  return text.replaceAll(COLOURS, "").replaceAll(UNSEEN, " ").trim();
}

/** The same, cut behind `longest` characters. */
export function lineStart(text: string, longest = 300): string {
  const line = plainLine(text);
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}

/** The same, cut at the front: after a trace or notes the reason stands last. */
export function lineEnd(text: string, longest = 300): string {
  const line = plainLine(text);
  return line.length <= longest ? line : `…${line.slice(-longest)}`;
}
