import type { HostReader } from "./host-shell.ts";
import { type LoggingHost, readLogs } from "./log-reader.ts";

/** Whether the logs of a host can be read at all. */
export interface LogPeek {
  /** Logs that are not there or can't be read by now, with which of both. */
  faults: string[];
  /** Logs that have lines by now, and none with a time that is understood: `file:line` of the first one. */
  undated: string[];
}

/** Looks at the end of each log, before anybody counts in it. Only reads. */
export async function peekLogs(
  host: LoggingHost,
  { logs, timeZone }: { logs: readonly string[]; timeZone?: string | undefined },
  reader: HostReader,
): Promise<LogPeek> {
  const firsts = new Map<string, string>();
  const dated = new Set<string>();
  let current = "";
  const begin = (log: string) => {
    current = log;
    firsts.delete(log);
    dated.delete(log);
  };
  const reading = { logs, timeZone, words: [], peek: true as const };
  const faults = await readLogs(host, reading, reader, {
    begin,
    line({ place, time, text }) {
      if (time) dated.add(current);
      else if (text.trim() !== "" && !firsts.has(current)) firsts.set(current, place);
    },
  });
  return { faults, undated: [...firsts].flatMap(([log, place]) => (dated.has(log) ? [] : [place])) };
}
