import { StepError } from "../errors/step-error.ts";
import { childEnvironment, runProgram } from "../processes/child-process.ts";
import { findProgram } from "./programs.ts";

/** One of PostgreSQL's client programs, found and asked for its version. */
export interface ClientProgram {
  path: string;
  /** As printed, e.g. `15.14`. */
  version: string;
  major: number;
}

/**
 * Oldest server that is supported. client_connection_check_interval came with it: without that the statement of a killed
 * run goes on, and its lease with it.
 */
export const OLDEST_SERVER = 140_000;

/** Why a server of this version is refused; undefined when it is not. */
export function unsupportedReason(versionNumber: number, version: string): string | undefined {
  if (versionNumber >= OLDEST_SERVER) return undefined;
  return `PostgreSQL ${version}, and ${OLDEST_SERVER / 10_000} is the oldest that is supported. Upgrade the server first`;
}

/** Finds and asks a client program. @throws {StepError} when it is missing or does not answer. */
export async function findClientProgram(
  name: string,
  find: (name: string) => string = findProgram,
): Promise<ClientProgram> {
  const path = find(name);
  const outcome = await runProgram([path, "--version"], {
    environment: childEnvironment(),
    timeoutMs: 20_000,
  });
  const version = /\(PostgreSQL\) ((\d+)[\w.]*)/.exec(outcome.stdout);
  if (outcome.exitCode !== 0 || !version) {
    throw new StepError(
      `postgres: expected ${path} --version to tell a PostgreSQL version, got ` +
        `${outcome.failure ?? `exit code ${outcome.exitCode}`}. Install PostgreSQL's client programs again.`,
    );
  }
  return { path, version: version[1] ?? "", major: Number(version[2]) };
}

/**
 * pg_dump refuses servers of a newer major version than its own; older servers and other minors are fine.
 * @see https://www.postgresql.org/docs/current/app-pgdump.html#PG-DUMP-NOTES
 */
export function isOlderThanServer(program: ClientProgram, serverVersionNumber: number): boolean {
  return program.major < Math.floor(serverVersionNumber / 10_000);
}

/** A server's files are read by programs of its own major version alone. */
export function isOtherMajor(program: ClientProgram, serverVersionNumber: number): boolean {
  return program.major !== Math.floor(serverVersionNumber / 10_000);
}

/** The one command that brings programs of the server's version: the server's own, or those of a client. */
export function installRemedy(serverVersionNumber: number, { server } = { server: false }): string {
  const major = Math.floor(serverVersionNumber / 10_000);
  const [what, suffix] = server ? ["", ""] : [" client programs", "-client"];
  return (
    `Install PostgreSQL ${major}${what} (Debian: apt-get install postgresql${suffix}-${major}) ` +
    "or point ROLLOUT_POSTGRES_BIN at their folder."
  );
}
