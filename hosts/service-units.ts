import type { Host } from "../config/target.ts";
import { plainLine } from "../system/plain-line.ts";
import { quoteWords } from "../system/shell-word.ts";
import { HostError, type HostReader, type HostWriter } from "./host-shell.ts";

const LOOK_MS = 20_000;
/** systemd's own limit for a stop, where a unit says nothing. @see systemd-system.conf(5), DefaultTimeoutStopSec */
const STOP_SECONDS = 90;
/** For a unit that may take for ever to stop: the step's deadline ends the wait. */
const FOR_EVER_MS = 24 * 3_600_000;

/** What systemd says of a unit. */
export interface UnitState {
  unit: string;
  /** `loaded`, `not-found`, … */
  load: string;
  /** `active`, `failed`, `activating`, … */
  active: string;
  /** 0 when no process runs. */
  mainPid: number;
  /** When it became active, UTC, ISO 8601; absent when it never did or systemd does not say. */
  activeSince?: string;
  /** File that it comes from; absent for a unit that systemd does not know. */
  fragment?: string;
  /** How its processes are stopped: `control-group`, `mixed`, `process`, `none`. */
  killMode?: string;
  /** How long it may take to stop until it is killed; `Infinity` for a unit that never is. */
  stopSeconds?: number;
}

const SPAN_SECONDS: Record<string, number> = {
  ...{ us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3_600, d: 86_400, w: 604_800 },
  ...{ month: 2_629_800, y: 31_557_600 },
};

/** `1min 30s`, `infinity`, as systemctl prints a span; undefined for anything else. Pure. @see systemd.time(7) */
export function parseSpan(text = ""): number | undefined {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  const words = text.split(" ").map((word) => /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(word));
  const parts = words.map((word) => Number(word?.[1]) * (SPAN_SECONDS[word?.[2] ?? ""] ?? Number.NaN));
  const seconds = parts.reduce((sum, part) => sum + part, 0);
  return Number.isNaN(seconds) ? undefined : seconds;
}

/** Longest time that restarting these units one after the other may take, each with so long to start. Pure. */
export function restartLimitMs(
  units: readonly Pick<UnitState, "stopSeconds">[],
  { timeoutSeconds }: { timeoutSeconds: number },
): number {
  const seconds = units.reduce(
    (sum, { stopSeconds = STOP_SECONDS }) => sum + stopSeconds + timeoutSeconds,
    0,
  );
  return Math.min(seconds * 1000, FOR_EVER_MS);
}

/** `Tue 2026-11-24 23:54:00 UTC`, as systemctl prints it with TZ=UTC. */
export function parseTimestamp(text = ""): string | undefined {
  const [, date, time] = /(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)/.exec(text) ?? [];
  return date && time ? `${date}T${time}Z` : undefined;
}

function parseUnit(unit: string, paragraph: string): UnitState {
  const fields = new Map(
    paragraph.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const activeSince = parseTimestamp(fields.get("ActiveEnterTimestamp"));
  const killMode = fields.get("KillMode");
  const fragment = fields.get("FragmentPath");
  const stopSeconds = parseSpan(fields.get("TimeoutStopUSec"));
  return {
    unit,
    load: fields.get("LoadState") ?? "unknown",
    active: fields.get("ActiveState") ?? "unknown",
    mainPid: Number(fields.get("MainPID") ?? 0),
    ...(activeSince ? { activeSince } : {}),
    ...(killMode ? { killMode } : {}),
    ...(stopSeconds === undefined ? {} : { stopSeconds }),
    ...(fragment ? { fragment } : {}),
  };
}

/** Asks systemd for these units, all at once. */
export async function readUnits(
  host: Host,
  units: readonly string[],
  { shell, signal }: HostReader,
): Promise<UnitState[]> {
  const script = { name: "units-read", parameters: { units: units.join(" ") } };
  const text = await shell.run(host, script, { timeoutMs: LOOK_MS, signal });
  const paragraphs = text.split("\n\n").filter((paragraph) => paragraph.trim() !== "");
  if (paragraphs.length === units.length)
    return units.map((unit, index) => parseUnit(unit, (paragraphs[index] as string).trim()));
  const reason = `expected systemctl on ${host.name} to tell of ${units.length} units, got ${paragraphs.length}. Look at the host, then run again.`;
  throw new HostError(script.name, host.name, reason);
}

/** Has systemd read its unit files again. */
export async function reloadUnits(host: Host, { shell, signal, token }: HostWriter): Promise<void> {
  const script = { name: "units-reload", parameters: {}, lease: { appDir: host.appDir, token } };
  await shell.run(host, script, { timeoutMs: LOOK_MS, signal });
}

/**
 * Restarts all services of the host: a reload would change neither environment nor code.
 * @param options.limitMs see `restartLimitMs`.
 * @param options.goOn whether a unit that does not start keeps the others from their restart.
 * @returns the host's own clock from before the restart: what started later has read what lies there now; and the units
 * that did not start, each with what systemctl said.
 */
export async function restartUnits(
  host: Host,
  { limitMs, goOn }: { limitMs: number; goOn: boolean },
  { shell, signal, token }: HostWriter,
): Promise<{ at: Date; failed: string[] }> {
  const units = host.services.map(({ unit }) => unit).join(" ");
  const parameters = { units, go_on: goOn ? "yes" : "" };
  const script = { name: "units-restart", parameters, lease: { appDir: host.appDir, token } };
  const answer = await shell.run(host, script, { timeoutMs: limitMs, signal });
  const [clock = "", ...lines] = answer.trim().split("\n");
  const failed = lines.flatMap((line) => {
    const [, unit, said] = /^failed (\S+) (.*)$/.exec(line) ?? [];
    return unit ? [`systemctl restart ${unit} failed${said ? `: ${plainLine(said)}` : ""}`] : [];
  });
  return { at: new Date(clock.trim()), failed };
}

/** Runs a configured command on the host, such as taking it out of the load balancer. */
export async function runHostCommand(
  host: Host,
  argv: readonly string[],
  { timeoutSeconds, shell, signal, token }: HostWriter & { timeoutSeconds: number },
): Promise<void> {
  const parameters = { words: quoteWords(argv) };
  const script = { name: "host-command", parameters, lease: { appDir: host.appDir, token } };
  await shell.run(host, script, { timeoutMs: timeoutSeconds * 1000, signal });
}
