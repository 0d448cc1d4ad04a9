import { readFile } from "node:fs/promises";
import type { Host } from "../../config/target.ts";
import { StepError } from "../../errors/step-error.ts";
import { readVariables } from "../../hosts/env-edit.ts";
import { askEnvFileReaders } from "../../hosts/env-file-readers.ts";
import { type EnvReader, parseParts, READER_NAMES, unreadableBy } from "../../hosts/env-parts.ts";
import type { HostReader } from "../../hosts/host-shell.ts";

/** The host whose variables an instance gets. */
export interface VariablesHost extends Pick<Host, "name" | "envFile" | "envFileReader" | "path"> {
  /** The unit that is mirrored: by its definition systemd or the application reads the file. */
  unit?: string | undefined;
}

async function readerOf(host: VariablesHost, variable: string, reader: HostReader): Promise<EnvReader> {
  const { unit } = host;
  if (unit === undefined && host.envFileReader === undefined) return "dotenv";
  const services = unit === undefined ? [] : [{ unit }];
  const { readers } = await askEnvFileReaders({ ...host, services }, variable, reader);
  return readers[0] as EnvReader;
}

/**
 * The variables of a host's environment file as its own processes get them: systemd and dotenv differ in quotes,
 * comments, backslashes and `export`. @throws {StepError} for a file of which its reader reads nothing.
 */
export async function hostVariables(
  host: VariablesHost,
  variable: string,
  reader: HostReader,
): Promise<Record<string, string>> {
  const who = await readerOf(host, variable, reader);
  const text = await readFile(host.envFile, "latin1");
  const fault = unreadableBy(parseParts(text, who), who);
  if (fault === undefined) return readVariables(text, who);
  throw new StepError(
    `shadow-comparison: expected ${READER_NAMES[who]} to read ${host.envFile} on ${host.name}, got ${fault}. Mend that file.`,
  );
}
