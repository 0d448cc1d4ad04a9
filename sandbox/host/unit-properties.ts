import { existsSync } from "node:fs";
import type { ServiceUnit } from "./service-unit.ts";
import { SocketUnit } from "./socket-unit.ts";
import { readDropIns, unitPath } from "./unit-files.ts";

export type TimestampStyle = "pretty" | "utc" | "us" | "us+utc" | "unix";

/** The unit's name with its suffix. */
export const idOf = (unit: ServiceUnit | SocketUnit): string =>
  unit instanceof SocketUnit ? unit.name : `${unit.unit.unit}.service`;

const SERVICE_SUB_STATES = {
  inactive: "dead",
  activating: "start",
  active: "running",
  deactivating: "stop-sigterm",
  failed: "failed",
} as const;
const SOCKET_SUB_STATES = { inactive: "dead", active: "running", failed: "failed" } as const;

export function subStateOf(unit: ServiceUnit | SocketUnit): string {
  if (unit instanceof SocketUnit) return SOCKET_SUB_STATES[unit.state];
  return unit.waits ? "auto-restart" : SERVICE_SUB_STATES[unit.state];
}

/** What `systemctl show` says of a unit, in the order in which systemd says it: not the one that was asked for. */
export function propertiesOf(
  unit: ServiceUnit | SocketUnit,
  style: TimestampStyle,
): [name: string, value: string][] {
  const shared: [string, string][] = [
    ["Id", idOf(unit)],
    ["LoadState", "loaded"],
    ["ActiveState", unit.state],
    ["SubState", subStateOf(unit)],
  ];
  const entered: [string, string][] = [
    ["ActiveEnterTimestamp", formatTime(unit.activeSinceMs, style)],
    ["ActiveEnterTimestampMonotonic", String(monotonicUs(unit.activeSinceMs))],
  ];
  if (unit instanceof SocketUnit)
    return [
      ["Listen", `127.0.0.1:${unit.service.unit.port} (Stream)`],
      ["Result", unit.result],
      ...shared,
      ["Triggers", idOf(unit.service)],
      ...entered,
    ];
  return [...serviceProperties(unit), ...shared, ...fileProperties(unit), ...entered];
}

function serviceProperties(service: ServiceUnit): [string, string][] {
  const { unit, plan, dropIns } = service;
  return [
    ["Type", "notify"],
    ["Restart", "always"],
    ["TimeoutStopUSec", formatSpan(unit.timeoutStopMs)],
    ["MainPID", String(service.mainPid)],
    ["Result", service.result],
    ["NRestarts", String(service.restarts)],
    // Its processes are in the sandbox's own group: they are found by their INVOCATION_ID.
    ["ControlGroup", ""],
    [
      "Environment",
      Object.entries(dropIns.environment)
        .map(([name, value]) =>
          /[\s"'\\]/.test(value) ? JSON.stringify(`${name}=${value}`) : `${name}=${value}`,
        )
        .join(" "),
    ],
    ["EnvironmentFiles", `${plan.envFile} (ignore_errors=no)`],
    ["KillMode", "mixed"],
    ["TriggeredBy", unit.socket ?? ""],
    ["InvocationID", service.state === "inactive" ? "" : (service.invocation ?? "")],
  ];
}

function fileProperties(service: ServiceUnit): [string, string][] {
  const { plan, dropIns } = service;
  const path = unitPath(plan.folder, idOf(service));
  const now = readDropIns(plan.folder, service.unit.unit);
  const isStale = JSON.stringify(now) !== JSON.stringify(dropIns);
  return [
    ["FragmentPath", existsSync(path) ? path : ""],
    ["DropInPaths", dropIns.paths.join(" ")],
    ["NeedDaemonReload", isStale ? "yes" : "no"],
    ["CanReload", "yes"],
  ];
}

/** What `systemctl show` says of a unit that it does not know: no error, exit code 0. */
export function unknownProperties(id: string): [string, string][] {
  return [
    ["MainPID", "0"],
    ["Id", id],
    ["LoadState", "not-found"],
    ["ActiveState", "inactive"],
    ["SubState", "dead"],
  ];
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `Tue 2026-11-24 23:53:52 UTC`, or `@1795564432`. Empty when it never happened. */
function formatTime(atMs: number | undefined, style: TimestampStyle): string {
  if (atMs === undefined) return "";
  if (style === "unix") return `@${Math.floor(atMs / 1000)}`;
  const iso = new Date(atMs).toISOString();
  const fraction = style.startsWith("us") ? `${iso.slice(19, 23)}000` : "";
  return `${DAYS[new Date(atMs).getUTCDay()]} ${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction} UTC`;
}

function monotonicUs(atMs: number | undefined): number {
  const sinceMs = atMs === undefined ? undefined : Date.now() - atMs;
  return sinceMs === undefined ? 0 : Math.round(Number(process.hrtime.bigint()) / 1000 - sinceMs * 1000);
}

/** `10s`, `1min 30s`, `500ms`. */
function formatSpan(spanMs: number): string {
  const [minutes, seconds, rest] = [
    Math.floor(spanMs / 60_000),
    Math.floor(spanMs / 1000) % 60,
    spanMs % 1000,
  ];
  const parts = [minutes && `${minutes}min`, seconds && `${seconds}s`, rest && `${rest}ms`];
  return parts.filter(Boolean).join(" ");
}
