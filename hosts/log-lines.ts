import type { Host } from "../config/target.ts";
import type { HostReader } from "./host-shell.ts";

const LOOK_MS = 120_000;
/** Lines of one host that are kept, the last ones. */
const MOST_LINES = 1_000;

/** What is looked for in the logs of a host. */
export interface LogSearch {
  /** Paths of logs; `{appDir}` stands for the host's. */
  logs: readonly string[];
  /** Text that a line has to hold, as a word: `deal_id=7`. */
  mark: string;
}

export interface LoggedLines {
  lines: string[];
  /** Logs that are not there or can't be read, with which of both. */
  faults: string[];
}

/** The last lines of a host's logs that hold a text, rotated files included. Only reads. */
export async function readLogged(
  host: Pick<Host, "name" | "appDir" | "connection" | "path">,
  { logs, mark }: LogSearch,
  { shell, signal }: HostReader,
): Promise<LoggedLines> {
  const parameters = {
    ...{ mark, most: String(MOST_LINES) },
    logs: logs.map((log) => log.replaceAll("{appDir}", host.appDir)).join("\n"),
  };
  const answer = await shell.run(host, { name: "log-lines", parameters }, { timeoutMs: LOOK_MS, signal });
  const all = answer.split("\n");
  const head = all.indexOf("lines");
  const faults = all.slice(0, head).map((line) => line.replace(/^missing (.*)$/, "$1 is not there"));
  return {
    faults: faults.map((line) => line.replace(/^unreadable (.*)$/, "$1 can't be read")),
    lines: all.slice(head + 1).filter((line) => line !== ""),
  };
}
