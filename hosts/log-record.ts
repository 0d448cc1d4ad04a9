import { type LineTime, readEpoch, readLineTime, readTime } from "./log-time.ts";

/** What a line of a log says: a text, or the object that it holds as JSON. */
export type LogRecord = { text: string } | { fields: Record<string, unknown> };

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one.
const COLOURS = /\u001b\[[\d;]*m/g;

function parseObject(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // A line that was cut, or the rest of something printed over several lines: it is read as a text.
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The journal gives a message that is no plain text, such as one with colours, as a list of its bytes. */
export const readBytes = (value: unknown): string | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((byte) => Number.isInteger(byte))
    ? Buffer.from(value as number[]).toString("utf8")
    : undefined;

/** Reads a line. Pure. */
export function readRecord(line: string): LogRecord {
  const text = line.replaceAll(COLOURS, "");
  const fields = parseObject(text);
  return fields ? { fields } : { text };
}

/** In small letters: loggers write `Timestamp` as well. The journal's own comes first: what stands in the message may be another clock's. */
const TIME_KEYS = [
  ...["__realtime_timestamp", "@timestamp", "timestamp", "time", "ts", "@t", "asctime", "datetime"],
  ...["eventtime", "instant", "timemillis", "time_iso8601", "time_local", "time_utc"],
];
/** Where loggers that write an object as their time keep it. */
const PART_KEYS = ["seconds", "epochSecond", "timestamp", "repr"];
const OUTER_KEYS = ["t", "date", "logged_at", "created", "msec", "log_time", "dt", "start_time"];
const TEXT_KEYS = ["message", "msg", "log", "MESSAGE", "text", "event"];

function timeOfValue(value: unknown): LineTime | undefined {
  if (typeof value === "number") return readEpoch(value);
  if (typeof value === "string") return readTime(value);
  if (!isObject(value)) return undefined;
  for (const key of PART_KEYS) {
    const time = timeOfValue(value[key]);
    if (time) return time;
  }
  return undefined;
}

function timeOfFields(
  fields: Record<string, unknown>,
  keys: readonly string[],
  depth: number,
): LineTime | undefined {
  const small = new Map(Object.entries(fields).map(([key, value]) => [key.toLowerCase(), value]));
  for (const key of keys) {
    const time = timeOfValue(small.get(key));
    if (time) return time;
  }
  if (depth === 0) return undefined;
  for (const value of Object.values(fields)) {
    const time = isObject(value) ? timeOfFields(value, TIME_KEYS, depth - 1) : undefined;
    if (time) return time;
  }
  return undefined;
}

/** When a record was written, as it says itself. Pure. */
export function timeOf(record: LogRecord): LineTime | undefined {
  if ("text" in record) return readLineTime(record.text);
  const { fields } = record;
  const time = timeOfFields(fields, [...TIME_KEYS, ...OUTER_KEYS], 3);
  if (time) return time;
  const texts = TEXT_KEYS.map((key) => fields[key]).filter((value) => typeof value === "string");
  return texts.map(readLineTime).find((found) => found !== undefined);
}

/** The pattern of `name=value` in every common spelling, made once. */
export interface FieldPattern {
  name: string;
  text: RegExp;
}

/** Pattern of a field by its name. */
export function fieldPattern(name: string): FieldPattern {
  const word = name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const quoted = `\\[?\\\\{0,3}"(?<double>[^"\\\\]*)|\\[?'(?<single>[^']*)`;
  // Python's enums show themselves as <DealType.X: 'x'>.
  const value = `${quoted}|<[\\w.]{1,99}: '(?<member>[^']*)'>|(?<bare>[^\\s,;&)}\\]"'|<>]+)`;
  const between = `\\\\{0,3}["'\`]?\\]?(?:\\s{0,3}(?:=>|:=|:)\\s{0,3}|\\s{1,3}==?\\s{1,3}|==?)`;
  return {
    name,
    text: new RegExp(`(?<![A-Za-z0-9_])${word}(?![A-Za-z0-9_])(?:${between}(?:${value}|(?=\\s|$)))?`, "g"),
  };
}

/** Whether a text holds the name as a word: if it does and has no values, it was not understood. */
export interface FieldValues {
  values: string[];
  named: boolean;
}

function valuesInText(text: string, { text: pattern }: FieldPattern): FieldValues {
  const matches = [...text.matchAll(pattern)];
  const values = matches.flatMap(({ 0: whole, groups = {} }) => {
    const { double, single, member, bare } = groups;
    const value = double ?? single ?? member ?? bare;
    return value === undefined ? (/[=:]\s*$/.test(whole) ? [""] : []) : [value];
  });
  return { values, named: matches.length > 0 };
}

const isScalar = (value: unknown) => !(typeof value === "object" && value !== null);

/** Values of every key of that name, at any depth, by what the structure says. */
function valuesOfKey(value: unknown, name: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => valuesOfKey(item, name));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, held]) => {
    if (key !== name && !key.endsWith(`.${name}`)) return valuesOfKey(held, name);
    const items = Array.isArray(held) ? held : [held];
    return items.flatMap((item) => (isScalar(item) ? [String(item)] : valuesOfKey(item, name)));
  });
}

/** Every text in a structure, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap(textsIn) : [];
}

/**
 * The values that a record gives a field: by its keys; where it has none, by what its texts say, which may be JSON
 * again or `name=value`. One line tells of each value once in its structure, so a message that repeats it is no second. Pure.
 */
export function valuesOf(record: LogRecord, pattern: FieldPattern): FieldValues {
  if ("text" in record) return valuesInText(record.text, pattern);
  const values = valuesOfKey(record.fields, pattern.name);
  if (values.length > 0) return { values, named: true };
  const inner = textsIn(record.fields)
    .filter((text) => text.includes(pattern.name))
    .map((text) => valuesOf(readRecord(text), pattern));
  const keyed = JSON.stringify(record.fields).includes(`"${pattern.name}"`);
  return {
    values: inner.flatMap((one) => one.values),
    named: keyed || inner.some(({ named }) => named),
  };
}
