import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostPlan, Unit } from "./host.ts";

/** Where a host's units and their drop-ins lie: what `/etc/systemd/system` is on a real one. */
export const unitFolder = (hostFolder: string) => join(hostFolder, "systemd");

export const unitPath = (hostFolder: string, name: string) => join(unitFolder(hostFolder), name);

/** Path and text of a service's unit file: what a real host would run. Only its drop-ins are read here. */
export function unitFile(plan: HostPlan, { unit, entry, timeoutStopMs, socket }: Unit): [string, string] {
  const lines = [
    "[Unit]",
    `Description=${unit} of ${plan.name}. Written by \`sandbox up\`: change it by drop-ins`,
    ...(socket ? [`Requires=${socket}`, `After=${socket}`] : []),
    "StartLimitIntervalSec=0",
    "[Service]",
    "Type=notify",
    `ExecStart=node ${join(plan.appDir, "current", entry)}`,
    `EnvironmentFile=${plan.envFile}`,
    "Restart=always",
    "KillMode=mixed",
    `TimeoutStopSec=${timeoutStopMs / 1000}`,
  ];
  return [unitPath(plan.folder, `${unit}.service`), `${lines.join("\n")}\n`];
}

/** What the drop-ins of a unit say. */
export interface DropIns {
  paths: string[];
  environment: Record<string, string>;
  /** Lines that this stand-in cannot follow. */
  ignored: string[];
}

/** The drop-ins of a service in the order of their names; a later line wins. */
export function readDropIns(hostFolder: string, unit: string): DropIns {
  const folder = unitPath(hostFolder, `${unit}.service.d`);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".conf")) : [];
  const paths = names.sort().map((name) => join(folder, name));
  const dropIns: DropIns = { paths, environment: {}, ignored: [] };
  for (const path of paths) addDropIn(dropIns, path, readFileSync(path, "utf8"));
  return dropIns;
}

/** @see systemd.exec(5): an empty assignment forgets all earlier ones; several assignments may share a line. */
function addDropIn(dropIns: DropIns, path: string, text: string): void {
  let section = "";
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header) section = header;
    else if (section === "Service" && /^Environment\s*=\s*$/.test(line)) dropIns.environment = {};
    else if (section === "Service" && /^Environment\s*=/.test(line))
      Object.assign(dropIns.environment, parseAssignments(line.slice(line.indexOf("=") + 1)));
    else dropIns.ignored.push(`${path}: ${line}`);
  }
}

function parseAssignments(text: string): Record<string, string> {
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double?.replace(/\\(.)/g, "$1") ?? single ?? plain ?? "",
  );
  const pairs = words.filter((word) => word.includes("=")).map((word) => word.replaceAll("%%", "%"));
  return Object.fromEntries(
    pairs.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
}
