import type { HostReader } from "./host-shell.ts";
import type { Span } from "./log-clock.ts";
import { type LoggedLine, type LoggingHost, readLogs } from "./log-reader.ts";
import { fieldPattern, valuesOf } from "./log-record.ts";

/** What is counted in the logs of a host. */
export interface LogQuestion {
  /** Paths of logs, `{appDir}` stands for the host's, and `journal:<unit>`. */
  logs: readonly string[];
  /** The zone of times that name none; by default the host's own. */
  timeZone?: string | undefined;
  /** Lines from then on count, by the clock of the host; UTC, ISO 8601. */
  since: string;
  /** Name of the field. */
  column: string;
  values: readonly string[];
  /** A word that may be in no line any more: its lines are counted in place of the field's. */
  mention?: string;
}

/** Lines that were not understood. */
export interface Unread {
  lines: number;
  /** `file:line` of the first one. */
  first: string;
}

/** What the logs of a host say. */
export interface LogCounts {
  byValue: Record<string, number>;
  /** Occurrences with another value. */
  other: number;
  /** Where a word was asked for: lines dated since then (at least so many, in a large log), and how many hold it. */
  lines: number;
  mentions: number;
  /** Lines of which nobody can tell when they were written. */
  undated?: Unread;
  /** Lines that name the field, but not as anything that is understood. */
  unclear?: Unread;
  /** Logs that are not there or can't be read, with which of both. */
  faults: string[];
}

const wholeWord = (word: string) =>
  new RegExp(`(?<![A-Za-z0-9_])${word.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}(?![A-Za-z0-9_])`);

/** What one log says. Apart, since one that is rotated meanwhile is counted anew. */
class Tally {
  readonly byValue = new Map<string, number>();
  other = 0;
  lines = 0;
  mentions = 0;
  undated: Unread | undefined;
  unclear: Unread | undefined;
  /** The last moment that is certain, by file: what follows it is no earlier. */
  readonly #reached = new Map<string, number>();
  readonly #question: LogQuestion;
  readonly #since: number;
  readonly #pattern;
  readonly #word: RegExp | undefined;

  constructor(question: LogQuestion) {
    this.#question = question;
    // A float of seconds may miss by parts of a millisecond.
    this.#since = Date.parse(question.since) - 0.5;
    this.#pattern = fieldPattern(question.column);
    this.#word = question.mention === undefined ? undefined : wholeWord(question.mention);
  }

  /** Whether a line was written since; undefined where nobody can tell. The file's order tells of an hour that came twice. */
  #isSince(file: string, { earliest, latest }: Span): boolean | undefined {
    const reached = this.#reached.get(file) ?? Number.NEGATIVE_INFINITY;
    if (earliest === latest) this.#reached.set(file, Math.max(reached, earliest));
    if (latest < this.#since) return false;
    return earliest >= this.#since || reached > earliest ? true : undefined;
  }

  add(line: LoggedLine): void {
    const since = line.time && this.#isSince(line.file, line.time);
    if (since === false) return;
    if (this.#word === undefined) this.#addValues(line, since !== undefined);
    else this.#addMention(line, this.#word, since !== undefined);
  }

  #addMention({ kind, lines, text, place, isDated }: LoggedLine, word: RegExp, isSince: boolean): void {
    if (isSince && isDated) this.lines += lines;
    // A constant that begins with the same letters is another word.
    if (kind === "sample" || !word.test(text)) return;
    this.mentions += 1;
    if (!isSince) this.undated = another(this.undated, place);
  }

  #addValues({ place, record }: LoggedLine, isSince: boolean): void {
    const found = valuesOf(record, this.#pattern);
    if (found.values.length === 0 && !found.named) return;
    if (found.values.length === 0) this.unclear = another(this.unclear, place);
    else if (!isSince) this.undated = another(this.undated, place);
    else for (const value of found.values) this.#count(value, this.#question.values);
  }

  #count(value: string, wanted: readonly string[]): void {
    // A sentence ends with a point that is none of the value.
    const type = wanted.includes(value) ? value : value.replace(/[.!?:]+$/, "");
    if (wanted.includes(type)) this.byValue.set(type, (this.byValue.get(type) ?? 0) + 1);
    else this.other += 1;
  }
}

const another = (unread: Unread | undefined, place: string): Unread =>
  unread ? { ...unread, lines: unread.lines + 1 } : { lines: 1, first: place };

const joined = (unread: (Unread | undefined)[]): Unread | undefined => {
  const some = unread.filter((one) => one !== undefined);
  const [first] = some;
  return first && { lines: some.reduce((sum, { lines }) => sum + lines, 0), first: first.first };
};

/** Counts the values that a host has logged since a moment, in rotated files as well. Only reads. */
export async function countLogged(
  host: LoggingHost,
  question: LogQuestion,
  reader: HostReader,
): Promise<LogCounts> {
  const { logs, timeZone, since, column, values, mention } = question;
  const tallies = new Map<string, Tally>();
  let current = new Tally(question);
  const begin = (log: string) => {
    current = new Tally(question);
    tallies.set(log, current);
  };
  const reading = {
    logs,
    timeZone,
    since,
    words: [mention ?? column],
    ...(mention ? { sample: true as const } : {}),
  };
  const faults = await readLogs(host, reading, reader, { begin, line: (line) => current.add(line) });
  const all = [...tallies.values()];
  const sum = (of: (tally: Tally) => number) => all.reduce((total, tally) => total + of(tally), 0);
  const undated = joined(all.map((tally) => tally.undated));
  const unclear = joined(all.map((tally) => tally.unclear));
  return {
    byValue: Object.fromEntries(
      values.map((value) => [value, sum(({ byValue }) => byValue.get(value) ?? 0)]),
    ),
    ...{ other: sum((tally) => tally.other), lines: sum((tally) => tally.lines) },
    mentions: sum((tally) => tally.mentions),
    ...(undated ? { undated } : {}),
    ...(unclear ? { unclear } : {}),
    faults,
  };
}

/** What was not understood of the logs of a host, one line each. Pure. */
export function sayUnread(
  { undated, unclear }: Pick<LogCounts, "undated" | "unclear">,
  name: string,
): string[] {
  const counted = ({ lines }: Unread) => `${lines} line${lines === 1 ? "" : "s"} not understood`;
  return [
    ...(undated
      ? [`${counted(undated)}, first at ${undated.first}: nobody can tell when it was written`]
      : []),
    ...(unclear ? [`${counted(unclear)}, first at ${unclear.first}: it names ${name} without a value`] : []),
  ];
}
