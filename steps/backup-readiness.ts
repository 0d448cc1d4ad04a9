import type { Client } from "pg";
import { describeObstacles, findDumpObstacles } from "../postgres/dump-rights.ts";
import { estimateDumpBytes, freeBytes, missingBytes, showBytes } from "../postgres/dump-space.ts";
import { listBackups, shownPath } from "../postgres/dump-store.ts";
import {
  type ClientProgram,
  findClientProgram,
  installRemedy,
  isOlderThanServer,
} from "../postgres/program-version.ts";
import { findProgram } from "../postgres/programs.ts";
import { StepError } from "./step.ts";

/** From outside of the process: tests put their own in. */
export interface BackupWorld {
  findProgram(name: string): string;
  freeBytes(folder: string): Promise<number>;
}

export const realWorld: BackupWorld = { findProgram, freeBytes };

export type DumpPrograms = Record<"pg_dump" | "pg_restore" | "pg_dumpall", ClientProgram>;

/** What a backup needs before it starts. */
export interface Readiness {
  /** Bytes of data to be dumped, at most. */
  bytes: number;
  /** Absent when one is missing. */
  programs?: DumpPrograms;
  /** Reasons not to start, complete with remedy. */
  blockers: string[];
}

/** Finds the programs in the server's version. @throws {StepError} for one that is missing or older. */
export async function findDumpPrograms(serverVersion: number, world: BackupWorld): Promise<DumpPrograms> {
  const find = async (name: string): Promise<ClientProgram> => {
    const program = await findClientProgram(name, world.findProgram);
    if (!isOlderThanServer(program, serverVersion)) return program;
    throw new StepError(
      `backup: expected ${name} ${Math.floor(serverVersion / 10_000)} or newer, as the server, ` +
        `got ${program.version} at ${program.path}. ${installRemedy(serverVersion)}`,
    );
  };
  return {
    pg_dump: await find("pg_dump"),
    pg_restore: await find("pg_restore"),
    pg_dumpall: await find("pg_dumpall"),
  };
}

async function checkSpace(bytes: number, root: string, world: BackupWorld): Promise<string[]> {
  const free = await world.freeBytes(root);
  const missing = missingBytes(bytes, free);
  if (missing === 0) return [];
  const older = (await listBackups(root)).length;
  const hint = older > 0 ? `: ${older} earlier backups lie in that folder` : "";
  return [
    `backup: expected room for up to ${showBytes(bytes)} in ${shownPath(root)}, got ${showBytes(free)} free. ` +
      `Free ${showBytes(missing)} on that disk${hint}; or point backup.url at another disk.`,
  ];
}

/** Looks at programs, rights and disk, without touching anything. */
export async function checkReadiness(client: Client, root: string, world: BackupWorld): Promise<Readiness> {
  const { rows } = await client.query<{ version: number; role: string }>(
    "SELECT current_setting('server_version_num')::int AS version, current_user AS role",
  );
  const { version, role } = rows[0] as { version: number; role: string };
  const blockers: string[] = [];
  const programs = await findDumpPrograms(version, world).catch((error: unknown) => {
    if (!(error instanceof StepError)) throw error;
    blockers.push(error.message);
    return undefined;
  });
  const bytes = await estimateDumpBytes(client);
  for (const { found, remedy } of describeObstacles(await findDumpObstacles(client), role))
    blockers.push(`backup: expected a role that may read every row, got: ${found}. ${remedy}`);
  blockers.push(...(await checkSpace(bytes, root, world)));
  return { bytes, blockers, ...(programs ? { programs } : {}) };
}
