import type { Host } from "../config/target.ts";
import type { EnvReader } from "./env-parts.ts";
import { HostError, type HostReader } from "./host-shell.ts";

const TIMEOUT_MS = 20_000;
/** The first version of systemd for which a comment ends with its line, whatever it ends in. */
const COMMENTS_END = 254;

/** What of a host is needed to ask that. */
export type EnvFileHost = Pick<Host, "name" | "envFile" | "envFileReader" | "connection" | "path"> & {
  services: readonly { unit: string }[];
};

/** Who reads a host's environment file, and how that is known. */
export interface EnvFileReaders {
  /** Each has to read the flag. The first one's reading is the host's. */
  readers: EnvReader[];
  /** What a person should know of it. */
  notes: string[];
  /** Files that a unit reads after it and that set the variable too: theirs counts. */
  later: string[];
  /** Files that count more than a drop-in of ours. */
  over: string[];
  /** Units that take the variable away again, whoever sets it. */
  unset: string[];
}

/** The name of our drop-in of a unit: systemd reads those of later names after it. */
export const DROP_IN_FILE = "deal-type-rollout.conf";

/** Readers that were known before: nothing is asked. */
export const knownReaders = (readers: EnvReader[]): EnvFileReaders => ({
  ...{ readers, notes: [], later: [], over: [], unset: [] },
});

function systemdOf(version: string | undefined): EnvReader[] {
  if (version === undefined) return ["systemd", "systemd-before-254"];
  return [Number(version) >= COMMENTS_END ? "systemd" : "systemd-before-254"];
}

/** load_dotenv leaves a variable alone that the process has already. */
const ownNotes = (host: EnvFileHost, units: readonly string[], variable: string) =>
  units.map(
    (unit) =>
      `warning: ${unit} on ${host.name} has ${variable} from systemd already, and load_dotenv leaves that alone ` +
      `unless it is told override=True: the line in ${host.envFile} would not count`,
  );

/** Pure. */
export function readersOf(host: EnvFileHost, answer: string, variable = ""): EnvFileReaders {
  const words = answer.split("\n").map((line) => /^(\w+) (.*)$/.exec(line));
  const told = (what: string) => words.flatMap((word) => (word?.[1] === what ? [word[2] as string] : []));
  const [units, later, [version]] = [told("unit"), [...new Set(told("later"))], told("version")];
  const systemd = systemdOf(version);
  const more = { over: [...new Set(told("over"))], unset: [...new Set(told("unset"))] };
  const own = ownNotes(host, told("own"), variable);
  if (host.envFileReader === "dotenv") return { readers: ["dotenv"], notes: own, later: [], ...more };
  if (host.envFileReader === "systemd") return { readers: systemd, notes: [], later, ...more };
  const others = host.services.filter(({ unit }) => !units.includes(unit)).map(({ unit }) => unit);
  if (others.length === 0) return { readers: systemd, notes: [], later, ...more };
  if (units.length === 0) return { readers: ["dotenv"], notes: own, later: [], ...more };
  const note =
    `${host.envFile} is read by systemd for ${units.join(", ")}, and taken to be read by dotenv for ` +
    `${others.join(", ")}: the flag's line has to suit both, or set hosts[].envFileReader`;
  return { readers: [...systemd, "dotenv"], notes: [note, ...own], later, ...more };
}

/**
 * Asks the host who reads its environment file: systemd, where units have it as EnvironmentFile=, else the application
 * by dotenv. Where systemd does not answer it is not known: then the flag's line has to suit all of them.
 */
export async function askEnvFileReaders(
  host: EnvFileHost,
  variable: string,
  { shell, signal }: HostReader,
): Promise<EnvFileReaders> {
  const units = host.services.map(({ unit }) => unit).join(" ");
  const script = {
    name: "env-readers",
    parameters: { file: host.envFile, units, variable, asked: host.envFileReader ?? "", ours: DROP_IN_FILE },
  };
  try {
    return readersOf(host, await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal }), variable);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    if (host.envFileReader) return readersOf(host, "");
    const note =
      `who reads ${host.envFile} is not known (${error.reason}): the flag's line has to suit systemd and dotenv, ` +
      "or set hosts[].envFileReader";
    return { ...knownReaders(["dotenv", ...systemdOf(undefined)]), notes: [note] };
  }
}
