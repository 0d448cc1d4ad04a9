import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import { readVariable, removeVariable, setVariable } from "./dotenv-edit.ts";
import { type DropInReading, readDropIns, writeDropIns } from "./drop-in.ts";
import { type HostFile, readHostFile, writeHostFile } from "./host-file.ts";
import { HostError, type HostReader, type HostWriter } from "./host-shell.ts";
import { reloadUnits } from "./service-units.ts";

/** Where the flag of a host is written. */
export const FlagPlace = z.strictObject({
  backend: DeploymentSection.shape.flagBackend.unwrap(),
  variable: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
});
export type FlagPlace = z.infer<typeof FlagPlace>;

/** What a host's files say of the flag: what a process that is started now would get. */
export interface FlagReading {
  /** True or false as the application would read it; null when it is not set, undefined when it is neither. */
  value: boolean | null | undefined;
  /** Its text; null when it is not set. */
  text: string | null;
  /** What a person should know: duplicates, a line that hides another. */
  notes: string[];
  /** What is in the way of writing it, complete with remedy. */
  faults: string[];
}

/** What the usual readers of such variables take for yes and no. */
export function parseFlag(text: string | null): FlagReading["value"] {
  if (text === null) return null;
  if (/^(true|1|yes|on)$/i.test(text.trim())) return true;
  return /^(false|0|no|off|)$/i.test(text.trim()) ? false : undefined;
}

const MODE_OF_NEW = "600";

function readingOf(text: string | null, notes: string[] = [], faults: string[] = []): FlagReading {
  return { value: parseFlag(text), text, notes, faults };
}

function readLines({ text, path }: HostFile, variable: string): FlagReading {
  const { value = null, lines } = readVariable(text, variable);
  const many = lines.length > 1;
  const note = `${variable} is on ${lines.length} lines of ${path} (${lines.join(", ")}): the last one counts`;
  return readingOf(value, many ? [note] : []);
}

function readUnits(
  { values }: DropInReading,
  hidden: FlagReading,
  host: Host,
  variable: string,
): FlagReading {
  const different = [...new Set(values.values())];
  const [text = null] = different;
  const notes = [...values].map(([unit, value]) => `${unit}: ${value ?? "not set"}`);
  // EnvironmentFile= overrides Environment= (systemd.exec(5)): our drop-in would change nothing.
  const faults =
    hidden.text === null
      ? []
      : [
          `expected no ${variable} in ${host.envFile} on ${host.name}, which overrides the drop-ins, got one. ` +
            "Remove that line, or set deployment.flagBackend to env-file.",
        ];
  if (different.length <= 1) return readingOf(text, [], faults);
  return { value: undefined, text: notes.join(", "), notes: [`units differ: ${notes.join(", ")}`], faults };
}

/** Reads the flag from the host's files. */
export async function readFlag(host: Host, place: FlagPlace, reader: HostReader): Promise<FlagReading> {
  const { backend, variable } = place;
  const lines = readLines(await readHostFile(host, host.envFile, { ...reader, needsFolder: true }), variable);
  if (backend === "env-file") return lines;
  return readUnits(await readDropIns(host, variable, reader), lines, host, variable);
}

/**
 * Sets the flag's text, or takes it out (null), and reads it back. Nothing is written when it is so already.
 * @returns what a person should know of it, such as lines that were folded.
 * @throws {HostError} when someone else writes the file, or its mode and owner cannot be kept.
 */
export async function writeFlag(
  host: Host,
  place: FlagPlace,
  value: string | null,
  writer: HostWriter,
): Promise<string[]> {
  const { faults } = await readFlag(host, place, writer);
  const [fault] = faults;
  if (fault && value !== null) throw new HostError("flag", host.name, fault);
  const notes = await write(host, place, value, writer);
  const { text } = await readFlag(host, place, writer);
  if (text === value) return notes;
  throw new HostError(
    "flag",
    host.name,
    `expected ${place.variable}=${value ?? "(not set)"} on ${host.name} after writing it, got ${text ?? "nothing"}. ` +
      "Is someone else writing it? Run again.",
  );
}

async function write(
  host: Host,
  place: FlagPlace,
  value: string | null,
  writer: HostWriter,
): Promise<string[]> {
  const { backend, variable } = place;
  if (backend === "env-file") return writeLine(host, place, value, writer);
  const reading = await readDropIns(host, variable, writer);
  if ([...reading.values.values()].some((text) => text !== value))
    await writeDropIns(host, reading, { variable, value }, writer);
  // A run that was killed before it left files that systemd has not read.
  else await reloadUnits(host, writer);
  return [];
}

async function writeLine(
  host: Host,
  { variable }: FlagPlace,
  value: string | null,
  writer: HostWriter,
): Promise<string[]> {
  const file = await readHostFile(host, host.envFile, writer);
  const edited =
    value === null ? removeVariable(file.text, variable) : setVariable(file.text, variable, value);
  if (edited.text === file.text) return [];
  await writeHostFile(host, file, edited.text, { ...writer, mode: MODE_OF_NEW });
  return edited.folded === 0
    ? []
    : [`${host.name}: folded ${edited.folded + 1} lines of ${variable} in ${host.envFile} into one`];
}
