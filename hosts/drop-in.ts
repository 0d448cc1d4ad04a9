import { dirname } from "node:path";
import type { Host } from "../config/target.ts";
import { type HostFile, readHostFile, removeHostFile, writeHostFile } from "./host-file.ts";
import type { HostReader, HostWriter } from "./host-shell.ts";
import { readUnits, reloadUnits, type UnitState } from "./service-units.ts";

const FILE = "deal-type-rollout.conf";
const HEADER =
  "# Written by deal-type-rollout. Read when the unit is started, after `systemctl daemon-reload`.";

/** The variable of our drop-in of each unit; null where a unit has none. */
export interface DropInReading {
  values: Map<string, string | null>;
  files: HostFile[];
}

/**
 * Where an administrator's drop-ins of a unit lie: not beside a unit that the system brought or that goes with the next
 * boot. @see systemd.unit(5), Unit File Load Path
 */
function dropInPath({ unit, fragment = "" }: UnitState): string {
  const ours = fragment === "" || /^(\/usr|\/lib|\/run|\/etc)\//.test(fragment);
  const folder = ours ? "/etc/systemd/system" : dirname(fragment);
  return `${folder}/${/\.service$/.test(unit) ? unit : `${unit}.service`}.d/${FILE}`;
}

/** The drop-in's text. The whole file is ours, so it is written anew each time. Pure. */
export function dropInText(variable: string, value: string): string {
  return `${HEADER}\n[Service]\nEnvironment="${variable}=${value}"\n`;
}

function valueIn(text: string, variable: string): string | null {
  const lines = [
    ...text.matchAll(/^[ \t]*Environment=[ \t]*"?([A-Za-z_][A-Za-z0-9_]*)=([^"\r\n]*)"?[ \t]*$/gm),
  ];
  return lines.findLast(([, name]) => name === variable)?.[2] ?? null;
}

/** Reads the variable from our drop-in of each unit of the host. */
export async function readDropIns(host: Host, variable: string, reader: HostReader): Promise<DropInReading> {
  const units = host.services.map(({ unit }) => unit);
  const states = await readUnits(host, units, reader);
  const files = await Promise.all(states.map((state) => readHostFile(host, dropInPath(state), reader)));
  const values = files.map(({ text }, index) => [units[index] as string, valueIn(text, variable)] as const);
  return { values: new Map(values), files };
}

/** Sets the variable in a drop-in of each unit, or removes the drop-ins (null), and has systemd read them. */
export async function writeDropIns(
  host: Host,
  { files }: DropInReading,
  { variable, value }: { variable: string; value: string | null },
  writer: HostWriter,
): Promise<void> {
  for (const file of files) {
    if (value !== null)
      await writeHostFile(host, file, dropInText(variable, value), {
        ...writer,
        mode: "644",
        makeFolder: true,
      });
    else if (file.digest !== "missing") await removeHostFile(host, file, writer);
  }
  await reloadUnits(host, writer);
}
