import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";

/**
 * A process, told apart from a later one that was given the same number: a number alone is reused, and a
 * signal to it would hit a stranger.
 */
export const ProcessIdentity = z.strictObject({
  pid: z.int().min(1),
  /** When it began, in a form that only this machine understands: start ticks since boot and the boot's id. */
  started: z.string().min(1),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** A process whose record may be read on another machine. */
export interface ProcessOnHost extends ProcessIdentity {
  host: string;
}

/** What the kernel says of a process. */
export interface ProcessEntry {
  command: string;
  parent: number;
  group: number;
  ticks: string;
}

/**
 * The kernel's entry of a process; undefined when none runs (a zombie does not run), or where there is no /proc.
 * @see proc(5): the command in brackets may hold spaces and brackets, so fields are counted from the last one on.
 */
export function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, parent, group] = fields;
    if (state === "Z" || state === "X") return undefined;
    const command = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    return { command, parent: Number(parent), group: Number(group), ticks: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** When the process with this number began, or undefined when none runs. */
export function processStart(pid: number): string | undefined {
  if (!existsSync("/proc/self/stat")) return startFromPs(pid);
  const entry = readProcess(pid);
  if (!entry) return undefined;
  return `${entry.ticks}@${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
}

function startFromPs(pid: number): string | undefined {
  try {
    return (
      execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}

/** The identity of a running process; undefined when it has ended. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = processStart(pid);
  return started === undefined ? undefined : { pid, started };
}

/** This process, as another one would recognise it. @throws when the machine has neither /proc nor `ps`. */
export function identifySelf(): ProcessOnHost {
  const self = identify(process.pid);
  if (!self) throw new Error("process: expected /proc or the program ps to know this process, got neither");
  return { host: hostname(), ...self };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return processStart(identity.pid) === identity.started;
}

/** Whether that very process still runs; undefined when this machine cannot tell (it runs elsewhere). */
export function isAlive(identity: ProcessOnHost): boolean | undefined {
  return identity.host === hostname() ? isRunning(identity) : undefined;
}
