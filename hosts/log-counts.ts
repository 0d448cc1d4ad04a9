import type { Host } from "../config/target.ts";
import type { HostReader } from "./host-shell.ts";

const LOOK_MS = 120_000;

/** What is counted in the logs of a host. */
export interface LogQuestion {
  /** Paths of logs; `{appDir}` stands for the host's. */
  logs: readonly string[];
  /** Lines from then on count, by the clock of the host; UTC, ISO 8601. */
  since: string;
  /** Name before the `=`. */
  column: string;
  values: readonly string[];
  /** A word that may be in no line any more. */
  mention?: string;
}

/** What the logs of a host say. */
export interface LogCounts {
  byValue: Record<string, number>;
  /** Occurrences with another value. */
  other: number;
  /** Where a word was asked for: lines dated since then, and how many of them, or of those without a time, hold it. */
  lines: number;
  mentions: number;
  /** Lines that do not begin with a time: nobody can tell when they were written. */
  unknown: number;
  /** Logs that are not there or can't be read, with which of both. */
  faults: string[];
}

/** Counts the values that a host has logged since a moment, in rotated files as well. Only reads. */
export async function countLogged(
  host: Pick<Host, "name" | "appDir" | "connection" | "path">,
  { logs, since, column, values, mention = "" }: LogQuestion,
  { shell, signal }: HostReader,
): Promise<LogCounts> {
  const parameters = {
    logs: logs.map((log) => log.replaceAll("{appDir}", host.appDir)).join("\n"),
    since: (Date.parse(since) / 1000).toFixed(3),
    values: values.join("\n"),
    ...{ column, mention },
  };
  const answer = await shell.run(host, { name: "log-count", parameters }, { timeoutMs: LOOK_MS, signal });
  const counts: LogCounts = { byValue: {}, other: 0, lines: 0, mentions: 0, unknown: 0, faults: [] };
  for (const line of answer.split("\n")) {
    const [what, first = "", second = ""] = line.split(" ");
    if (what === "value") counts.byValue[values[Number(first) - 1] as string] = Number(second);
    else if (what === "other" || what === "unknown" || what === "lines" || what === "mentions")
      counts[what] = Number(first);
    else if (what === "missing") counts.faults.push(`${line.slice(8)} is not there`);
    else if (what === "unreadable") counts.faults.push(`${line.slice(11)} can't be read`);
  }
  return counts;
}
