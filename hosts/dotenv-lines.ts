/** One line of an environment file. Their `text + end`, one after the other, are the file. */
export interface EnvLine {
  text: string;
  /** `\n`, `\r\n`, or nothing after a last line that has none. */
  end: string;
  /** Set on a line that assigns a variable; the value may go on over the lines that follow. */
  assigns?: { name: string; before: string; value: EnvValue; after: string };
}

/** A value as it is written: in these quotes or in none. */
export interface EnvValue {
  quote: "" | '"' | "'";
  text: string;
}

const ASSIGNMENT =
  /^(\uFEFF|\xEF\xBB\xBF)?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(?:[ \t]*(?![#\s]))?/;

function splitLines(text: string): EnvLine[] {
  const lines: EnvLine[] = [];
  for (const [whole, content = "", end = ""] of text.matchAll(/([^\n]*?)(\r?\n|$)/g))
    if (whole !== "") lines.push({ text: content, end });
  return lines;
}

/** Whether a value that begins in quotes is still open at the end of the text. */
function closingQuote(text: string, quote: string): number {
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === "\\" && quote === '"') index += 1;
    else if (text[index] === quote) return index;
  }
  return -1;
}

/** How many lines after this one belong to its value: quotes that close later, or a backslash at the end. */
function linesBeyond(lines: readonly EnvLine[], start: number, value: string): number {
  const quote = value[0];
  if (quote === '"' || quote === "'") {
    let text = value.slice(1);
    for (let index = start; index < lines.length; index += 1) {
      if (index > start) text += `\n${lines[index]?.text}`;
      if (closingQuote(text, quote) >= 0) return index - start;
    }
    // Quotes that never close are taken for letters, as dotenv does.
    return 0;
  }
  let beyond = 0;
  while (
    /(?:^|[^\\])(?:\\\\)*\\$/.test(lines[start + beyond]?.text ?? "") &&
    start + beyond + 1 < lines.length
  )
    beyond += 1;
  return beyond;
}

function readAssignment(text: string): EnvLine["assigns"] {
  const [before, , name] = ASSIGNMENT.exec(text) ?? [];
  if (before === undefined || name === undefined) return undefined;
  const rest = text.slice(before.length);
  const quote = rest[0];
  if (quote === '"' || quote === "'") {
    const close = closingQuote(rest.slice(1), quote);
    if (close >= 0)
      return { name, before, value: { quote, text: rest.slice(1, close + 1) }, after: rest.slice(close + 2) };
  }
  // A comment after a bare value needs a blank before it.
  const [bare = ""] = /^.*?(?=[ \t]*$|[ \t]+#)/.exec(rest) ?? [];
  return { name, before, value: { quote: "", text: bare }, after: rest.slice(bare.length) };
}

/**
 * Splits an environment file into lines and finds its assignments, as systemd and dotenv read them: comments begin
 * with `#` or `;`, a quoted value may go on over several lines, and what looks like an assignment in there is none.
 * @see systemd.exec(5), EnvironmentFile=
 */
export function parseLines(text: string): EnvLine[] {
  const lines = splitLines(text);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] as EnvLine;
    const assigns = readAssignment(line.text);
    if (!assigns) continue;
    line.assigns = assigns;
    index += linesBeyond(lines, index, line.text.slice(assigns.before.length));
  }
  return lines;
}
