/** What the application said of one deal: a line of the snapshot. */
export interface DealLine {
  key: string;
  /** The line itself: JSON with the answers' own number texts, without a line break. */
  text: string;
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

/** `{"key":"7","outputs":{"analysis":{…}}}`; the answers are compact JSON texts. Pure. */
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

const SHAPE = /^\{"key":("[^"\\]*(?:\\.[^"\\]*)*"),"(outputs|error)":(.*)\}$/s;

/** Reads a line back; undefined for one that is no line of a snapshot (cut off, overwritten). Pure. */
export function parseLine(
  text: string,
): (DealLine & { /** JSON text of the answers. */ outputs?: string }) | undefined {
  const [, key, member, value] = SHAPE.exec(text) ?? [];
  if (key === undefined || value === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    const own = { key: JSON.parse(key) as string, text };
    return member === "error" ? { ...own, error: parsed as DealError } : { ...own, outputs: value };
  } catch {
    return undefined;
  }
}
