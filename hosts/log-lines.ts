import type { HostReader } from "./host-shell.ts";
import { type LoggedLine, type LoggingHost, readLogs } from "./log-reader.ts";
import { type FieldPattern, fieldPattern, valuesOf } from "./log-record.ts";

/** Lines of one log that are kept, the last ones. */
const MOST_LINES = 1_000;
/** Characters of a line that are kept: one may hold a whole page. */
const LONGEST_LINE = 4_000;

/** What is looked for in the logs of a host. */
export interface LogSearch {
  /** Paths of logs, `{appDir}` stands for the host's, and `journal:<unit>`. */
  logs: readonly string[];
  /** The zone of times that name none; by default the host's own. */
  timeZone?: string | undefined;
  /** Text that a line has to hold as a word, such as `deal 7`; of `deal_id=7` the field has to have the value, however it is written. */
  mark: string;
}

export interface LoggedLines {
  lines: string[];
  /** Logs that are not there or can't be read, with which of both. */
  faults: string[];
}

/** The words that a line has to hold, and whether one that does is meant: `deal_id=7` is not in `deal_id=71`. */
function readMark(mark: string): { words: string[]; isMeant: (line: LoggedLine) => boolean } {
  const [, name, value] = /^([A-Za-z_][\w.]*)=(\S+)$/.exec(mark) ?? [];
  if (name === undefined || value === undefined) {
    const word = mark.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    const pattern = new RegExp(`(?<![A-Za-z0-9_])${word}(?![A-Za-z0-9_.-])`);
    return { words: [mark], isMeant: ({ text }) => pattern.test(text) };
  }
  const pattern: FieldPattern = fieldPattern(name);
  return { words: [name, value], isMeant: ({ record }) => valuesOf(record, pattern).values.includes(value) };
}

/** The last lines of a host's logs that hold a text, rotated files included. Only reads. */
export async function readLogged(
  host: LoggingHost,
  { logs, timeZone, mark }: LogSearch,
  reader: HostReader,
): Promise<LoggedLines> {
  const { words, isMeant } = readMark(mark);
  const kept = new Map<string, string[]>();
  let current: string[] = [];
  const begin = (log: string) => {
    current = [];
    kept.set(log, current);
  };
  const line = (read: LoggedLine) => {
    if (!isMeant(read)) return;
    current.push(read.text.slice(0, LONGEST_LINE));
    if (current.length > MOST_LINES) current.shift();
  };
  const faults = await readLogs(host, { logs, timeZone, words }, reader, { begin, line });
  return { lines: [...kept.values()].flat().slice(-MOST_LINES), faults };
}
