import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import { type DropInReading, dropInText, keepDropIns, readDropIns, writeDropIns } from "./drop-in.ts";
import { ownLines } from "./env-before.ts";
import { type Edited, readVariable, removeVariable, setVariable, type VariableReading } from "./env-edit.ts";
import { askEnvFileReaders, DROP_IN_FILE, type EnvFileReaders, knownReaders } from "./env-file-readers.ts";
import { type EnvReader, READER_NAMES } from "./env-parts.ts";
import { type HostFile, readHostFile, writeHostFile } from "./host-file.ts";
import { HostError, type HostReader, type HostWriter } from "./host-shell.ts";

/** Where the flag of a host is written. */
export const FlagPlace = z.strictObject({
  backend: DeploymentSection.shape.flagBackend.unwrap(),
  variable: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
});
export type FlagPlace = z.infer<typeof FlagPlace>;

/** What was read of a host, as a change of the flag starts from it. */
export type FlagSource =
  | ({ place: "env-file"; file: HostFile } & EnvFileReaders)
  | { place: "drop-ins"; dropIns: DropInReading };

/** What a host's files say of the flag: what a process that is started now would get. */
export interface FlagReading {
  /** True or false as the application would read it; null when it is not set, undefined when it is neither. */
  value: boolean | null | undefined;
  /** Its text, for people; null when it is not set. */
  text: string | null;
  /** What a person should know: duplicates, a line that hides another, readers that differ. */
  notes: string[];
  /** What is in the way of writing it, complete with remedy. */
  faults: string[];
  source: FlagSource;
}

/** What a change will leave, before it is made. */
export interface FlagChange {
  /** Mark of the flag's lines now and afterwards: tells what this program left from what somebody else did. */
  found: string;
  leaves: string;
  /** Why no process would read what is written, complete with remedy. */
  faults: string[];
  edited?: Edited;
}

/** What the usual readers of such variables take for yes and no. */
export function parseFlag(text: string | null): FlagReading["value"] {
  if (text === null) return null;
  if (/^(true|1|yes|on)$/i.test(text.trim())) return true;
  return /^(false|0|no|off|)$/i.test(text.trim()) ? false : undefined;
}

const MODE_OF_NEW = "600";
const said = (text: string | null) => text ?? "not set";

/** What a reader makes of the flag, beside the host's own reader. */
function othersSay(text: string, place: FlagPlace, own: VariableReading, readers: readonly EnvReader[]) {
  const unused: EnvReader = READER_NAMES[readers[0] as EnvReader] === "dotenv" ? "systemd" : "dotenv";
  const other = readVariable(text, place.variable, unused);
  const used = new Set(readers.map((reader) => READER_NAMES[reader]));
  if (other.value === own.value || used.size > 1) return [];
  const [first] = readers;
  return [
    `warning: ${READER_NAMES[first as EnvReader]}, which reads it, has ${place.variable} as ${said(own.value)}; ` +
      `${READER_NAMES[unused]} would have it as ${said(other.value)}`,
  ];
}

function notesOf(
  source: FlagSource & { place: "env-file" },
  place: FlagPlace,
  own: VariableReading,
): string[] {
  const { file, readers, notes } = source;
  const { lines, borrowed } = own;
  const many = `${place.variable} is on ${lines.length} lines of ${file.path} (${lines.join(", ")}): the last one counts`;
  const names = borrowed.map((name) => `\${${name}}`).join(", ");
  return [
    ...notes,
    ...(lines.length > 1 ? [many] : []),
    ...(names ? [`${place.variable} is made of ${names}, which ${file.path} does not set above it`] : []),
    ...othersSay(file.text, place, own, readers),
  ];
}

/** Units that would start without the variable. A process that reads the file itself gets it all the same. */
const unsetFaults = (
  host: Host,
  { readers, unset }: Pick<EnvFileReaders, "readers" | "unset">,
  { variable }: FlagPlace,
) =>
  readers.every((reader) => READER_NAMES[reader] === "dotenv")
    ? []
    : unset.map(
        (unit) =>
          `expected ${unit} on ${host.name} to be given ${variable}, got UnsetEnvironment=${variable} in it. Remove that line.`,
      );

function readLines(host: Host, source: FlagSource & { place: "env-file" }, place: FlagPlace): FlagReading {
  const { file, readers, later } = source;
  const readings = readers.map((reader) => readVariable(file.text, place.variable, reader));
  const [own] = readings as [VariableReading];
  const agree = readings.every(({ value }) => value === own.value);
  // What comes from the process's own environment nobody knows here.
  const value = agree && own.borrowed.length === 0 ? parseFlag(own.value) : undefined;
  const each = readers.map(
    (reader, at) => `${said(readings[at]?.value ?? null)} for ${READER_NAMES[reader]}`,
  );
  const text = agree ? own.value : [...new Set(each)].join(", ");
  const faults = [
    ...later.map(
      (path) =>
        `expected ${place.variable} of ${file.path} to count on ${host.name}, got one in ${path}, which systemd reads ` +
        "after it. Remove that line, or make that file the host's envFile.",
    ),
    ...unsetFaults(host, source, place),
  ];
  return { value, text, notes: notesOf(source, place, own), faults, source };
}

function readUnitFiles(
  source: FlagSource & { place: "drop-ins" },
  { hidden, faults: others }: { hidden: string | null; faults: string[] },
  host: Host,
  variable: string,
): FlagReading {
  const values = [...source.dropIns].map(([unit, { value }]) => [unit, value] as const);
  const different = [...new Set(values.map(([, value]) => value))];
  // EnvironmentFile= overrides Environment= (systemd.exec(5)): our drop-in would change nothing.
  const faults = [
    ...(hidden === null
      ? []
      : [
          `expected no ${variable} in ${host.envFile} on ${host.name}, which overrides the drop-ins, got one. ` +
            "Remove that line, or set deployment.flagBackend to env-file.",
        ]),
    ...others,
  ];
  const [text = null] = different;
  if (different.length <= 1) return { value: parseFlag(text), text, notes: [], faults, source };
  const each = values.map(([unit, value]) => `${unit}: ${said(value)}`).join(", ");
  return { value: undefined, text: each, notes: [`units differ: ${each}`], faults, source };
}

/**
 * Reads the flag from the host's files, as who reads them does.
 * @param options.readers by whom an earlier reading was done, where this one has to be the same.
 */
export async function readFlag(
  host: Host,
  place: FlagPlace,
  reader: HostReader & { readers?: EnvReader[] | undefined },
): Promise<FlagReading> {
  const { readers } = reader;
  const [file, asked] = await Promise.all([
    readHostFile(host, host.envFile, { ...reader, needsFolder: true }),
    readers ? knownReaders(readers) : askEnvFileReaders(host, place.variable, reader),
  ]);
  const lines = readLines(host, { place: "env-file", file, ...asked }, place);
  if (place.backend === "env-file") return lines;
  const dropIns = await readDropIns(host, place.variable, reader);
  const { variable } = place;
  const faults = [
    ...asked.over.map(
      (path) =>
        `expected ${variable} of ${DROP_IN_FILE} to count on ${host.name}, got ${path}, which counts more and sets or ` +
        "clears it. Remove that line, or set deployment.flagBackend to env-file.",
    ),
    ...unsetFaults(host, { ...asked, readers: ["systemd"] }, place),
  ];
  return readUnitFiles({ place: "drop-ins", dropIns }, { hidden: lines.text, faults }, host, variable);
}

const dropInMark = (values: [unit: string, value: string | null][]) => JSON.stringify(values);

function unreadFault(
  host: Host,
  { file, readers }: FlagSource & { place: "env-file" },
  line: string,
): string {
  const refused = readers.flatMap((reader) => readVariable(file.text, "", reader).unreadable ?? []);
  const got = refused[0] ?? "lines around it that hide it";
  const names = [...new Set(readers.map((reader) => READER_NAMES[reader]))].join(" and ");
  return (
    `expected ${names} to read ${line} in ${file.path} on ${host.name} once it is written, got ${got}. ` +
    "Mend that file (an open quote, a backslash at a line's end, another encoding), or set hosts[].envFileReader."
  );
}

/** What writing this value would do. Pure. */
export function planFlag(
  host: Host,
  place: FlagPlace,
  reading: FlagReading,
  value: string | null,
): FlagChange {
  const { source, faults } = reading;
  const { variable } = place;
  if (source.place === "drop-ins") {
    const now = [...source.dropIns].map(([unit, { value: text }]): [string, string | null] => [unit, text]);
    const leaves = dropInMark(now.map(([unit]) => [unit, value]));
    return { found: dropInMark(now), leaves, faults: value === null ? [] : faults };
  }
  const { file, readers } = source;
  const found = ownLines(file.text, variable, readers);
  const edited =
    value === null
      ? removeVariable(file.text, variable, readers)
      : setVariable(file.text, variable, value, readers);
  if (!edited) return { found, leaves: found, faults: [unreadFault(host, source, `${variable}=${value}`)] };
  const leaves = ownLines(edited.text, variable, readers);
  return { found, leaves, edited, faults: value === null ? [] : faults };
}

/**
 * Sets the flag on a host as it was read, or takes it out (null).
 * @returns what a person should know.
 * @throws {HostError} when something is in the way, or someone else has changed the file since.
 */
export async function writeFlag(
  host: Host,
  place: FlagPlace,
  { value, reading }: { value: string | null; reading: FlagReading },
  writer: HostWriter,
): Promise<string[]> {
  const { faults, edited } = planFlag(host, place, reading, value);
  if (faults[0] !== undefined) throw new HostError("flag", host.name, faults[0]);
  const { source } = reading;
  const { variable } = place;
  if (source.place === "drop-ins") {
    const isThere = [...source.dropIns.values()].every((unit) => unit.value === value);
    const text = value === null ? null : { text: dropInText(variable, value) };
    // Only systemd may still have to read what a run that was killed has written.
    const asIs = (unit: string) => keepDropIns(source.dropIns)[unit] ?? null;
    await writeDropIns(host, source.dropIns, isThere ? asIs : () => text, writer);
    return [];
  }
  if (!edited || edited.text === source.file.text) return [];
  await writeHostFile(host, source.file, edited.text, { ...writer, mode: MODE_OF_NEW });
  return edited.folded === 0
    ? []
    : [`${host.name}: folded ${edited.folded + 1} lines of ${variable} in ${host.envFile} into one`];
}
