import { z } from "zod";
import type { Host } from "../config/target.ts";
import { readBefore, unreadableRecord } from "./before-record.ts";
import { DropInsBefore, dropInText, keepDropIns, valueIn, writeDropIns } from "./drop-in.ts";
import { EnvBefore, keepLines, putLinesBack } from "./env-before.ts";
import { readVariable, removeVariable, setVariable } from "./env-edit.ts";
import { type EnvReader, parseParts, READER_NAMES } from "./env-parts.ts";
import { type FlagPlace, type FlagReading, parseFlag, readFlag, writeFlag } from "./flag-file.ts";
import { removeHostFile, writeHostFile } from "./host-file.ts";
import { HostError, type HostWriter } from "./host-shell.ts";

/** What was there of the flag before a step's change: the bytes, as data. */
export const FlagBefore = z.discriminatedUnion("place", [
  EnvBefore.extend({ place: z.literal("env-file") }),
  z.strictObject({ place: z.literal("drop-ins"), units: DropInsBefore }),
]);
export type FlagBefore = z.infer<typeof FlagBefore>;

/** What of it the evidence holds: the value, or that of each unit where they are the units' own. */
export const FlagValueBefore = z.union([z.string().nullable(), z.record(z.string(), z.string().nullable())]);
export type FlagValueBefore = z.infer<typeof FlagValueBefore>;

const MODE_OF_NEW = "600";

/** What a change of the flag will replace. Pure. */
export function beforeOf({ source }: FlagReading, { variable }: FlagPlace): FlagBefore {
  if (source.place === "drop-ins") return { place: "drop-ins", units: keepDropIns(source.dropIns) };
  const { text, digest } = source.file;
  const kept = keepLines({ text, exists: digest !== "missing" }, variable, source.readers);
  return { place: "env-file", ...kept };
}

/** The same for the evidence, whose reader wants values and no bytes. Pure. */
export function valueBefore(before: FlagBefore, { variable }: FlagPlace): FlagValueBefore {
  if (before.place === "drop-ins") {
    const units = Object.entries(before.units).map(
      ([unit, file]) => [unit, file && valueIn(file.text, variable)] as const,
    );
    const [value = null, ...others] = new Set(units.map(([, text]) => text));
    return others.length === 0 ? value : Object.fromEntries(units);
  }
  const text = before.lines.map((line) => line.text).join("");
  const parts = parseParts(text, before.readers[0] as EnvReader);
  return parts.findLast(({ assigns }) => assigns?.name === variable)?.assigns?.value ?? null;
}

/** What the host keeps under this key; undefined where the step changed nothing there. @throws {HostError} */
export async function readFlagBefore(
  host: Host,
  key: string,
  writer: HostWriter,
): Promise<FlagBefore | undefined> {
  const kept = await readBefore(host, key, writer);
  if (kept === undefined) return undefined;
  const parsed = FlagBefore.safeParse(kept);
  if (parsed.success) return parsed.data;
  throw unreadableRecord(host, key, parsed.error);
}

/** The file with the kept lines, and on them what is wanted now where that is another value. */
function restoredText(
  host: Host,
  { variable }: FlagPlace,
  { text, before, wanted }: { text: string; before: FlagBefore & { place: "env-file" }; wanted: Wanted },
): string {
  const back = putLinesBack(text, variable, before);
  const { readers } = before;
  const says = readers.map((reader) => parseFlag(readVariable(back, variable, reader).value));
  if (wanted === undefined || says.every((value) => value === wanted)) return back;
  if (wanted === null) return removeVariable(back, variable, readers).text;
  const edited = setVariable(back, variable, String(wanted), readers);
  if (edited) return edited.text;
  const names = [...new Set(readers.map((reader) => READER_NAMES[reader]))].join(" and ");
  const reason =
    `expected ${names} to read ${variable}=${wanted} in ${host.envFile} on ${host.name}, got lines around it that hide it. ` +
    "Mend that file, then run again.";
  throw new HostError("flag", host.name, reason);
}

/** What the ledger wants the flag to be now; undefined where it wants nothing of ours. */
type Wanted = boolean | null | undefined;

async function restoreLines(
  host: Host,
  place: FlagPlace,
  {
    before,
    wanted,
    reading,
  }: { before: FlagBefore & { place: "env-file" }; wanted: Wanted; reading: FlagReading },
  writer: HostWriter,
): Promise<void> {
  if (reading.source.place !== "env-file") return;
  const { file } = reading.source;
  const text = restoredText(host, place, { text: file.text, before, wanted });
  if (text === "" && !before.exists) {
    if (file.digest !== "missing") await removeHostFile(host, file, { ...writer, keepFolder: true });
  } else if (text !== file.text) await writeHostFile(host, file, text, { ...writer, mode: MODE_OF_NEW });
}

async function restoreUnits(
  host: Host,
  { variable }: FlagPlace,
  { units, wanted, reading }: { units: DropInsBefore; wanted: Wanted; reading: FlagReading },
  writer: HostWriter,
): Promise<void> {
  if (reading.source.place !== "drop-ins") return;
  const wantedOf = (unit: string) => {
    const kept = units[unit] ?? null;
    if (wanted === undefined || parseFlag(kept && valueIn(kept.text, variable)) === wanted) return kept;
    return wanted === null ? null : { text: dropInText(variable, String(wanted)) };
  };
  await writeDropIns(host, reading.source.dropIns, wantedOf, writer);
}

/**
 * Gives a host's flag back: the bytes from before, unless the ledger wants another value by now. Nothing here is checked
 * as a new value would be: what was there before may be anything.
 * @returns what was there until now.
 */
export async function restoreFlag(
  host: Host,
  place: FlagPlace,
  { before, wanted }: { before: FlagBefore; wanted: Wanted },
  writer: HostWriter,
): Promise<FlagReading> {
  const readers = before.place === "env-file" ? before.readers : undefined;
  const backend = before.place === "env-file" ? ("env-file" as const) : ("systemd-drop-in" as const);
  const reading = await readFlag(host, { ...place, backend }, { ...writer, readers });
  if (before.place === "env-file") await restoreLines(host, place, { before, wanted, reading }, writer);
  else await restoreUnits(host, place, { units: before.units, wanted, reading }, writer);
  return reading;
}

/**
 * The same where the host's own record is gone and only the evidence says what the value was: no bytes are known then.
 * @returns what was there until now.
 */
export async function restoreFlagValue(
  host: Host,
  place: FlagPlace,
  value: FlagValueBefore,
  writer: HostWriter,
): Promise<FlagReading> {
  const reading = await readFlag(host, place, writer);
  if (value === null || typeof value === "string") {
    if (reading.text !== value) await writeFlag(host, place, { value, reading }, writer);
  } else if (reading.source.place === "drop-ins") {
    const wantedOf = (unit: string) => {
      const text = value[unit] ?? null;
      return text === null ? null : { text: dropInText(place.variable, text) };
    };
    await writeDropIns(host, reading.source.dropIns, wantedOf, writer);
  }
  return reading;
}
