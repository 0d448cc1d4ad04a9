import type { Host } from "../config/target.ts";
import { HostError, type HostReader } from "./host-shell.ts";
import { parseSpan, parseTimestamp } from "./service-units.ts";

const LOOK_MS = 30_000;

/** What a process's environment says of the flag's variable. */
export type Environ =
  | { state: "value"; text: string }
  /** `overwritten` and `empty`: by a program that sets its title; `unreadable`: it is another user's. */
  | { state: "absent" | "overwritten" | "empty" | "unreadable" | "twice" };

/** A process of a unit, as the kernel has it. */
export interface RunningProcess {
  pid: number;
  /** `pid@ticks`: tells it from a later one that was given the same number. */
  key: string;
  /** UTC, ISO 8601; undefined where the host's uptime and its processes do not count from the same moment. */
  startedAt?: string;
  ageSeconds?: number;
  /** Folder below `releases/` that it works in, or that its program lies in; several where they do not agree. */
  releases: string[];
  /** Whether it could be seen at all where it works. */
  visible: boolean;
  /** Undefined where it was not looked at. */
  environ?: Environ;
}

/** What runs of a unit. */
export interface UnitRun {
  unit: string;
  /** `loaded`, `not-found`, … */
  load: string;
  /** `active`, `failed`, `activating`, … */
  active: string;
  /** `running`, `auto-restart`, `exited`, …; absent where systemctl does not say. */
  sub?: string;
  type?: string;
  /** `success`, `exit-code`, `start-limit-hit`, …: why it is not active. */
  result?: string;
  /** How often systemd has started it again by itself since its last start. */
  restarts?: number;
  /** Changes with every start. */
  invocation?: string;
  activeSince?: string;
  /** How its processes are stopped, and how long that may take: as in `UnitState`. */
  killMode?: string;
  stopSeconds?: number;
  /** Whether systemd hands it the host's environment file. */
  readsEnvFile: boolean;
  processes: RunningProcess[];
}

/** What runs on a host, by one look. */
export interface HostRun {
  /** The host's own clock at that look. */
  at: Date;
  /** Names of the folders in `releases/`. */
  releases: string[];
  units: UnitRun[];
}

interface Clock {
  epoch: number;
  uptime: number;
  ticks: number;
}

/** A clock that runs ahead by no more than this may be the time that the look itself took. */
const LOOK_TOLERANCE_SECONDS = 30;

function startOf(ticks: number, clock: Clock): Pick<RunningProcess, "startedAt" | "ageSeconds"> {
  const age = clock.uptime - ticks / clock.ticks;
  if (!(age > -LOOK_TOLERANCE_SECONDS)) return {};
  return { ageSeconds: Math.max(0, age), startedAt: new Date((clock.epoch - age) * 1000).toISOString() };
}

function addToProcess(process: RunningProcess, word: string, rest: string): void {
  const [first = "", second = ""] = [rest.split(" ")[0], rest.slice(rest.indexOf(" ") + 1)];
  if (word === "in" && !rest.includes(" ")) process.visible = false;
  else if (word === "in" && !process.releases.includes(second)) process.releases.push(second);
  else if (word === "environ")
    process.environ =
      first === "value" ? { state: "value", text: rest.slice(6) } : ({ state: first } as Environ);
}

function addToUnit(unit: UnitRun, name: string, value: string): void {
  const text = { ActiveState: "active", LoadState: "load", SubState: "sub", Type: "type", Result: "result" };
  if (name in text) Object.assign(unit, value === "" ? {} : { [text[name as keyof typeof text]]: value });
  else if (name === "NRestarts" && /^\d+$/.test(value)) unit.restarts = Number(value);
  else if (name === "InvocationID" && value !== "") unit.invocation = value;
  else if (name === "KillMode" && value !== "") unit.killMode = value;
  else if (name === "TimeoutStopUSec") {
    const seconds = parseSpan(value);
    if (seconds !== undefined) unit.stopSeconds = seconds;
  } else if (name === "ActiveEnterTimestamp") {
    const since = parseTimestamp(value);
    if (since) unit.activeSince = since;
  }
}

/** The answer of processes-read.sh. Pure. */
export function parseHostRun(text: string): HostRun {
  const run: HostRun = { at: new Date(Number.NaN), releases: [], units: [] };
  let clock: Clock = { epoch: Number.NaN, uptime: Number.NaN, ticks: 100 };
  let process: RunningProcess | undefined;
  for (const line of text.split("\n")) {
    const unit = run.units.at(-1);
    const word = line.split(" ")[0] as string;
    const rest = line.slice(word.length + 1);
    const property = /^([A-Z]\w*)=(.*)$/.exec(line);
    if (word === "clock") {
      const [epoch = Number.NaN, uptime = Number.NaN, ticks = 100] = rest.split(" ").map(Number);
      clock = { epoch, uptime, ticks };
      run.at = new Date(epoch * 1000);
    } else if (word === "release") run.releases.push(rest);
    else if (word === "unit")
      run.units.push({ unit: rest, load: "unknown", active: "unknown", readsEnvFile: false, processes: [] });
    else if (unit && property) addToUnit(unit, property[1] as string, property[2] as string);
    else if (unit && word === "reads") unit.readsEnvFile = rest === "yes";
    else if (unit && word === "process") {
      const [pid = 0, ticks = 0] = rest.split(" ").map(Number);
      process = {
        pid,
        key: `${pid}@${ticks}`,
        releases: [],
        visible: true,
        ...startOf(ticks, clock),
      };
      unit.processes.push(process);
    } else if (process) addToProcess(process, word, rest);
  }
  return run;
}

/** What is looked at on a host, beside what systemd and the kernel say of every unit. */
export interface Look {
  /** The flag's variable. */
  variable: string;
  /** Units whose processes are looked at one by one: where they work, and what their environment says. */
  detailed: readonly string[];
}

/** Looks once at what runs of the host's services. @throws {HostError} when the host is unreachable. */
export async function readHostRun(
  host: Host,
  { variable, detailed }: Look,
  { shell, signal }: HostReader,
): Promise<HostRun> {
  const parameters = {
    units: host.services.map(({ unit }) => unit).join(" "),
    detailed: detailed.join(" "),
    app_dir: host.appDir,
    env_file: host.envFile,
    variable,
  };
  const script = { name: "processes-read", parameters };
  const run = parseHostRun(await shell.run(host, script, { timeoutMs: LOOK_MS, signal }));
  if (run.units.length === host.services.length && Number.isFinite(run.at.getTime())) return run;
  const reason = `expected to see what runs of ${host.services.length} units on ${host.name}, got ${run.units.length}. Look at the host, then run again.`;
  throw new HostError(script.name, host.name, reason);
}
