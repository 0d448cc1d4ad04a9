import type { Host } from "../config/target.ts";
import { lineEnd, lineStart } from "../system/plain-line.ts";
import { HostError, type HostReader } from "./host-shell.ts";

const LOOK_MS = 10_000;
const LONGEST = 700;

/** What looks like a secret in a log: the password of an address, the value of a name that says so. */
const SECRETS: [RegExp, string][] = [
  [/(\w+:\/\/[^\s:/@]*):[^\s/@]+@/g, "$1:***@"],
  [
    /((?:pass(?:word|wd)?|secret|token|api_?key|credential)\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)/gi,
    "$1***",
  ],
  [/(\b(?:bearer|basic)\s+)\S+/gi, "$1***"],
];

/** Text of a log without what looks like a secret, on one line: its end, where the reason stands. Pure. */
export function showLogEnd(text: string): string {
  const safe = SECRETS.reduce((shown, [pattern, by]) => shown.replaceAll(pattern, by), text);
  return lineEnd(safe.trim().replaceAll("\n", " | ").replace(/\.+$/, ""), LONGEST);
}

/** `. Its journal ends with: …`, of a unit since a time; says so where it cannot be read. Never throws for the host's sake. */
export async function journalEnd(
  host: Host,
  unit: string,
  since: Date,
  { shell, signal }: HostReader,
): Promise<string> {
  const parameters = { unit, since: String(Math.floor(since.getTime() / 1000)) };
  try {
    const text = await shell.run(host, { name: "journal-read", parameters }, { timeoutMs: LOOK_MS, signal });
    return `; journal of ${unit}: ${showLogEnd(text)}`;
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return `; journal of ${unit}: not read (${lineStart(error.reason, 100)})`;
  }
}
