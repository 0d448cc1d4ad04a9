/** A word for a POSIX shell, always in quotes: nothing in it is ever parsed. @throws for NUL, which no variable can hold. */
export function quoteWord(text: string): string {
  if (text.includes("\0")) throw new Error("shell: expected a word without NUL bytes");
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Words of a command for `eval "set -- $words"` in a script. */
export const quoteWords = (argv: readonly string[]): string => argv.map(quoteWord).join(" ");

/** The same for a command that a person reads: quoted only where it has to be. */
export const shellWord = (text: string): string => (/^[\w./:@=-]+$/.test(text) ? text : quoteWord(text));
