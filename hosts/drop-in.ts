import { dirname } from "node:path";
import { z } from "zod";
import type { Host } from "../config/target.ts";
import { DROP_IN_FILE } from "./env-file-readers.ts";
import { type HostFile, readHostFile, removeHostFile, writeHostFile } from "./host-file.ts";
import type { HostReader, HostWriter } from "./host-shell.ts";
import { readUnits, reloadUnits, type UnitState } from "./service-units.ts";

const HEADER =
  "# Written by deal-type-rollout. Read when the unit is started, after `systemctl daemon-reload`.";
const MODE_OF_NEW = "644";

/** The drop-in of each unit by this program's name for it, and the variable in it; null where it sets none. */
export type DropInReading = Map<string, { file: HostFile; value: string | null }>;

/** Each unit's drop-in from before, byte for byte; null where it had none. */
export const DropInsBefore = z.record(
  z.string(),
  z.strictObject({ text: z.string(), mode: z.string() }).nullable(),
);
export type DropInsBefore = z.infer<typeof DropInsBefore>;

/** What a unit's drop-in is to be: its bytes, or null for no such file. */
type Wanted = { text: string; mode?: string } | null;

/**
 * Where an administrator's drop-ins of a unit lie: not beside a unit that the system brought or that goes with the next
 * boot. @see systemd.unit(5), Unit File Load Path
 */
function dropInPath({ unit, fragment = "" }: UnitState): string {
  const ours = fragment === "" || /^(\/usr|\/lib|\/run|\/etc)\//.test(fragment);
  const folder = ours ? "/etc/systemd/system" : dirname(fragment);
  return `${folder}/${/\.service$/.test(unit) ? unit : `${unit}.service`}.d/${DROP_IN_FILE}`;
}

/** The drop-in's text. The whole file is ours, so it is written anew each time. Pure. */
export function dropInText(variable: string, value: string): string {
  return `${HEADER}\n[Service]\nEnvironment="${variable}=${value}"\n`;
}

/** The variable in a drop-in's text; null where it sets none. Pure. */
export function valueIn(text: string, variable: string): string | null {
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
  return new Map(
    files.map((file, at) => [units[at] as string, { file, value: valueIn(file.text, variable) }]),
  );
}

/** What a change of them will replace. Pure. */
export function keepDropIns(reading: DropInReading): DropInsBefore {
  const kept = [...reading].map(([unit, { file }]) => {
    const { text, digest, mode = MODE_OF_NEW } = file;
    return [unit, digest === "missing" ? null : { text, mode }] as const;
  });
  return Object.fromEntries(kept);
}

/** Makes each unit's drop-in what it is to be, and has systemd read them: a run that was killed may not have. */
export async function writeDropIns(
  host: Host,
  reading: DropInReading,
  wantedOf: (unit: string) => Wanted,
  writer: HostWriter,
): Promise<void> {
  for (const [unit, { file }] of reading) {
    const wanted = wantedOf(unit);
    if (wanted === null) {
      if (file.digest !== "missing") await removeHostFile(host, file, writer);
    } else if (file.digest === "missing" || file.text !== wanted.text) {
      const { text, mode = MODE_OF_NEW } = wanted;
      await writeHostFile(host, file, text, { ...writer, mode, makeFolder: true });
    }
  }
  await reloadUnits(host, writer);
}
