import { readFileSync } from "node:fs";
import { quoteWord } from "../system/shell-word.ts";

/** One POSIX sh script from `hosts/scripts/`, and what it is given. */
export interface HostScript {
  /** Basename of the file, also the script's name in messages. */
  name: string;
  /** Become the variables `p_<name>`; `host` is added. Never in argv or the environment, where `ps` would show them. */
  parameters: Record<string, string>;
  /** Other scripts whose functions this one uses. */
  parts?: string[];
  /** Set for a script that changes something: it runs under the host's lock, and only with the highest token so far. */
  lease?: { appDir: string; token: number };
}

/** Seconds a changing script waits for another one on the same host. */
const LOCK_SECONDS = 20;

const read = new Map<string, string>();

function sourceOf(name: string): string {
  const known = read.get(name);
  if (known !== undefined) return known;
  const source = readFileSync(new URL(`./scripts/${name}.sh`, import.meta.url), "utf8");
  read.set(name, source);
  return source;
}

function assign([name, value]: [string, string]): string {
  if (!/^[a-z][a-z_]*$/.test(name)) throw new Error(`script: expected a parameter's name, got ${name}`);
  return `p_${name}=${quoteWord(value)}`;
}

/*
 * The last line starts it, in braces, so half a script, cut off on its way, is no script and never runs. It is one line,
 * for a shell may read ahead: beyond it nothing is left on stdin. That stays open for as long as we want the script to live: when it closes, however
 * we ended, the watcher kills the script's process group. A dropped SSH connection shows in the same way.
 */
const START = [
  "exec 3<&0",
  "{ ( read -r _ <&3; kill -s KILL 0 ) >/dev/null 2>&1 & }",
  "rollout_watcher=$!",
  "( set -eu; rollout_script ) </dev/null 3<&-",
  "rollout_code=$?",
  'kill -s KILL "$rollout_watcher"',
  'exit "$rollout_code"',
].join("; ");

/** What goes to `sh -s` on stdin. Pure but for reading the script's file. */
export function composeScript(host: string, { name, parameters, parts = [], lease }: HostScript): string {
  const guard = lease
    ? {
        lease_folder: `${lease.appDir}/.rollout`,
        token: String(lease.token),
        lock_seconds: `${LOCK_SECONDS}`,
      }
    : {};
  const given = Object.entries({ host, ...guard, ...parameters }).map(assign);
  const sources = ["refuse", ...(lease ? ["lease"] : []), ...parts, name].map(sourceOf);
  return [...given, "rollout_script() {", ...sources, "}", `{ ${START}; }`, ""].join("\n");
}
