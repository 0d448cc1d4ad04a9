import type { Host } from "../config/target.ts";
import { HostError, type HostReader } from "./host-shell.ts";
import { LogClock, type Span } from "./log-clock.ts";
import { type LogRecord, readBytes, readRecord, timeOf } from "./log-record.ts";

const LOOK_MS = 120_000;

/** What of a host is needed to read its logs. */
export type LoggingHost = Pick<Host, "name" | "appDir" | "connection" | "path">;

/** Which lines of which logs. */
export interface LogReading {
  /** Paths, `{appDir}` stands for the host's, and `journal:<unit>`. */
  logs: readonly string[];
  /** The zone of times that name none; by default the host's own. */
  timeZone?: string | undefined;
  /** Files that ended before are left out, and lines that are older by days; UTC, ISO 8601. */
  since?: string;
  /** Texts that a line has to hold, all of them. */
  words: readonly string[];
  /** Whether other dated lines are told as well, a large log's in samples. */
  sample?: true;
  /** Only the end of each log, as it is now. */
  peek?: true;
}

/** A line as it was read. */
export interface LoggedLine {
  /** `match` holds the words; `sample` stands for `lines` dated lines without, from here on. */
  kind: "match" | "sample";
  lines: number;
  /** `file:line`. */
  place: string;
  file: string;
  text: string;
  record: LogRecord;
  /** When it was written; a line without a time belongs to the one before. Absent where nobody can tell. */
  time?: Span;
  /** Whether the time is the line's own. */
  isDated: boolean;
}

/** What is done with the lines. */
export interface LogSink {
  /** A log begins; one that was rotated meanwhile begins again, and what it said before does not count. */
  begin(log: string): void;
  line(line: LoggedLine): void;
}

const FAULTS: Record<string, (what: string) => string> = {
  missing: (what) => `${what} is not there`,
  unreadable: (what) => `${what} can't be read`,
  unpackable: (what) => `${what} can't be unpacked: it is damaged, or its program is not installed`,
  silent: (what) =>
    `journal:${what} holds no line: the unit has another name, or its journal may not be read`,
};

/** Follows what hosts/scripts/log-read.sh says, line by line. */
class Answer {
  readonly faults: string[] = [];
  readonly #sink: LogSink;
  readonly #host: string;
  readonly #timeZone: string | undefined;
  readonly #words: readonly string[];
  #now = Date.now();
  #clock: LogClock | undefined;
  #file = "";
  /** The last line that looked dated, for those after it that do not. */
  #head: { time?: Span } | undefined;
  #rest = "";

  constructor(sink: LogSink, host: string, { timeZone, words }: LogReading) {
    this.#sink = sink;
    this.#host = host;
    this.#timeZone = timeZone;
    this.#words = words;
  }

  add(piece: string): void {
    const lines = `${this.#rest}${piece}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const space = line.indexOf(" ");
    const [what, rest] = [line.slice(0, space), line.slice(space + 1)];
    if (what === "m") this.#match(rest);
    else if (what === "h") this.#head = this.#read(rest);
    else if (what === "s") this.#sample(rest);
    else if (what === "file") this.#file = rest;
    else if (what === "begin") {
      this.#head = undefined;
      this.#sink.begin(rest);
    } else if (what === "now") this.#now = Number(rest) * 1000;
    else if (what === "zone") this.#clock = this.#clockOf(this.#timeZone ?? rest);
    else if (FAULTS[what]) this.faults.push(FAULTS[what](rest));
  }

  #clockOf(zone: string): LogClock {
    try {
      return new LogClock(zone, this.#now);
    } catch (cause) {
      const reason = `expected a time zone that is known, got ${zone || "none"} on ${this.#host}. Set deployment.logTimeZone.`;
      throw new HostError("log-read", this.#host, reason, { cause });
    }
  }

  #read(numbered: string): Omit<LoggedLine, "kind" | "lines"> {
    const space = numbered.indexOf(" ");
    const record = readRecord(numbered.slice(space + 1));
    const bytes = "fields" in record ? readBytes(record.fields.MESSAGE) : undefined;
    if (bytes !== undefined && "fields" in record) record.fields.MESSAGE = bytes;
    const text = bytes ?? numbered.slice(space + 1);
    const time = timeOf(record);
    const place = `${this.#file}:${numbered.slice(0, space)}`;
    const span = time && this.#clock?.place(time);
    const read = { place, file: this.#file, text, record, isDated: span !== undefined };
    return span ? { ...read, time: span } : read;
  }

  #match(numbered: string): void {
    const read = this.#read(numbered);
    if (read.time) this.#head = read;
    // The host passes on whatever it can't search itself.
    if (!this.#words.every((word) => read.text.includes(word))) return;
    const time = read.time ?? this.#head?.time;
    this.#sink.line({ ...read, kind: "match", lines: 1, ...(time ? { time } : {}) });
  }

  #sample(counted: string): void {
    const space = counted.indexOf(" ");
    const read = this.#read(counted.slice(space + 1));
    this.#sink.line({ ...read, kind: "sample", lines: Number(counted.slice(0, space)) });
  }
}

/**
 * Reads lines of a host's logs, in rotated files as well, as they come: nothing is copied or kept. Only reads.
 * @returns what could not be read, one line each.
 * @throws {HostError} also for a time zone that nobody knows.
 */
export async function readLogs(
  host: LoggingHost,
  reading: LogReading,
  { shell, signal }: HostReader,
  sink: LogSink,
): Promise<string[]> {
  const { logs, since, words, sample, peek } = reading;
  const parameters = {
    logs: logs.map((log) => log.replaceAll("{appDir}", host.appDir)).join("\n"),
    since: since === undefined ? "" : (Date.parse(since) / 1000).toFixed(3),
    words: words.join("\n"),
    sample: sample ? "yes" : "",
    peek: peek ? "yes" : "",
  };
  const answer = new Answer(sink, host.name, reading);
  let fault: unknown;
  const onOutput = (piece: string) => {
    try {
      if (fault === undefined) answer.add(piece);
    } catch (error) {
      fault = error;
    }
  };
  await shell.run(host, { name: "log-read", parameters }, { timeoutMs: LOOK_MS, signal, onOutput });
  if (fault !== undefined) throw fault;
  return answer.faults;
}
