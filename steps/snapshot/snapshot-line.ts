/** What the application said of one deal: a line of the snapshot. */
export interface DealLine {
  key: string;
  /** The line itself: JSON with the answers' own number texts, without a line break. */
  text: string;
  /** Value of the change's column as the row was read; undefined in a line of an older release. */
  type?: string | null;
  /** Digest of the row's other columns (postgres/deals/key-pages.ts), as old as `type`. */
  row?: string;
  /** Why there is no answer: which request, and what went wrong. */
  error?: DealError;
}

/** A deal whose outputs could not be taken. Holds nothing of the answer: it may be personal. */
export interface DealError {
  /** Name of the request, or `command`. */
  request: string;
  /** `status 500`, `not JSON`, `larger than 1024 KiB`, `no answer within 30 s`, `ECONNREFUSED`… */
  reason: string;
}

/** JSON strings are kept as they are; blanks between tokens go. */
const TOKENS = /("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+/g;

/**
 * JSON text without blanks, every number letter by letter as it was: nothing is ever read as a floating-point number.
 * @throws {SyntaxError} for what is no JSON.
 */
export function compactJson(text: string): string {
  JSON.parse(text);
  return text.replace(TOKENS, "$1");
}

/** `{"key":"7","outputs":{"analysis":{…}}}`, to which `describeRow` adds the row; the answers are compact JSON texts. Pure. */
export function outputsLine(
  key: string,
  answers: readonly (readonly [name: string, json: string])[],
): DealLine {
  const members = answers.map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  return { key, text: `{"key":${JSON.stringify(key)},"outputs":{${members.join(",")}}}` };
}

/** `{"key":"7","error":{"request":"analysis","reason":"status 500"}}`. Pure. */
export function errorLine(key: string, { request, reason }: DealError): DealLine {
  const error = { request, reason };
  return { key, error, text: JSON.stringify({ key, error }) };
}

/** Writes into a line what its row was: before the outputs, so that these can be found without reading them. Pure. */
export function describeRow(line: DealLine, { type, row }: { type: string | null; row: string }): DealLine {
  const head = `{"key":${JSON.stringify(line.key)},`;
  const said = `"type":${JSON.stringify(type)},"row":${JSON.stringify(row)},`;
  return { ...line, type, row, text: head + said + line.text.slice(head.length) };
}

const TEXT = String.raw`"[^"\\]*(?:\\.[^"\\]*)*"`;
const SHAPE = new RegExp(
  String.raw`^\{"key":(${TEXT}),(?:"type":(${TEXT}|null),"row":"([0-9a-f]{16})",)?"(outputs|error)":(.*)\}$`,
  "s",
);

/** Reads a line back; undefined for one that is no line of a snapshot (cut off, overwritten). Pure. */
export function parseLine(
  text: string,
): (DealLine & { /** JSON text of the answers. */ outputs?: string }) | undefined {
  const [, key, type, row, member, value] = SHAPE.exec(text) ?? [];
  if (key === undefined || value === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    const read = row === undefined ? {} : { type: JSON.parse(type as string) as string | null, row };
    const own = { key: JSON.parse(key) as string, text, ...read };
    return member === "error" ? { ...own, error: parsed as DealError } : { ...own, outputs: value };
  } catch {
    return undefined;
  }
}
