import type { Client } from "pg";
import { findOnPath } from "../../bin/programs.mjs";
import type { Encryption } from "../../config/encryption.ts";
import { StepError } from "../../errors/step-error.ts";
import { tryCipher } from "../../postgres/backup/backup-cipher.ts";
import { BASE_PROGRAMS, type BasePrograms } from "../../postgres/backup/base-backup.ts";
import { describeBaseObstacles, readBaseFacts } from "../../postgres/backup/base-backup-rights.ts";
import type { BackupWay } from "../../postgres/backup/dump.ts";
import type { BackupMethod } from "../../postgres/backup/dump-manifest.ts";
import { describeObstacles, findDumpObstacles } from "../../postgres/backup/dump-rights.ts";
import { estimateDumpBytes, freeBytes, missingBytes, showBytes } from "../../postgres/backup/dump-space.ts";
import { listBackups, shownPath } from "../../postgres/backup/dump-store.ts";
import { DUMP_PROGRAMS } from "../../postgres/backup/logical-dump.ts";
import { tryReplication } from "../../postgres/backup/replication-connection.ts";
import {
  type ClientProgram,
  findClientProgram,
  installRemedy,
  isOlderThanServer,
  isOtherMajor,
} from "../../postgres/program-version.ts";
import { findProgram } from "../../postgres/programs.ts";

/** From outside of the process: tests put their own in. */
export interface BackupWorld {
  findProgram(name: string): string;
  /** A program of the system; undefined when it is nowhere. */
  findTool(name: string): string | undefined;
  freeBytes(folder: string): Promise<number>;
}

export const realWorld: BackupWorld = { findProgram, findTool: (name) => findOnPath(name), freeBytes };

/** What is to be backed up, and how. */
export interface Wanted {
  method: BackupMethod;
  encryption?: Encryption | undefined;
  databaseUrl: string;
  root: string;
}

/** What a backup needs before it starts. */
export interface Readiness {
  /** Bytes to be copied, at most. */
  bytes: number;
  /** Absent when a program is missing. */
  way?: BackupWay;
  /** Reasons not to start, complete with remedy. */
  blockers: string[];
}

/** Finds programs that fit the server. @throws {StepError} for one that is missing or of a wrong version. */
async function findPrograms<N extends string>(
  names: readonly N[],
  serverVersion: number,
  world: BackupWorld,
  { same }: { same: boolean },
): Promise<Record<N, ClientProgram>> {
  const found: Partial<Record<N, ClientProgram>> = {};
  for (const name of names) {
    const program = await findClientProgram(name, world.findProgram);
    const wrong = same ? isOtherMajor(program, serverVersion) : isOlderThanServer(program, serverVersion);
    if (wrong) {
      throw new StepError(
        `backup: expected ${name} ${Math.floor(serverVersion / 10_000)}${same ? "" : " or newer"}, as the server, ` +
          `got ${program.version} at ${program.path}. ${installRemedy(serverVersion, { server: same })}`,
      );
    }
    found[name] = program;
  }
  return found as Record<N, ClientProgram>;
}

/** A copied server runs by its own major version only. */
async function findBasePrograms(version: number, world: BackupWorld): Promise<BasePrograms> {
  const programs = await findPrograms(BASE_PROGRAMS, version, world, { same: true });
  const tool = (name: string) => {
    const path = world.findTool(name);
    if (path) return path;
    throw new StepError(
      `backup: expected the program ${name} for a physical backup, got none. ` +
        `Install it (Debian: apt-get install ${name}), or set backup.method to logical.`,
    );
  };
  return { ...programs, zstd: tool("zstd"), tar: tool("tar") };
}

async function findWay(method: BackupMethod, version: number, world: BackupWorld): Promise<BackupWay> {
  return method === "physical"
    ? { method, programs: await findBasePrograms(version, world) }
    : { method, programs: await findPrograms(DUMP_PROGRAMS, version, world, { same: false }) };
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

/** Bytes, and what keeps the role from the way that is wanted. Rows are read either way, for their sums. */
async function checkRole(client: Client, role: string, { method, databaseUrl }: Wanted) {
  const obstacles = describeObstacles(await findDumpObstacles(client), role);
  const blockers = obstacles.map(
    ({ found, remedy }) => `backup: expected a role that may read every row, got: ${found}. ${remedy}`,
  );
  if (method === "logical") return { bytes: await estimateDumpBytes(client), blockers };
  const facts = await readBaseFacts(client);
  const refused = facts.replication ? await tryReplication(databaseUrl) : undefined;
  return { bytes: facts.bytes, blockers: [...blockers, ...describeBaseObstacles(facts, refused)] };
}

/** Looks at programs, rights and disk, without touching anything. */
export async function checkReadiness(client: Client, wanted: Wanted, world: BackupWorld): Promise<Readiness> {
  const { rows } = await client.query<{ version: number; role: string }>(
    "SELECT current_setting('server_version_num')::int AS version, current_user AS role",
  );
  const { version, role } = rows[0] as { version: number; role: string };
  const blockers: string[] = [];
  const way = await findWay(wanted.method, version, world).catch((error: unknown) => {
    if (!(error instanceof StepError)) throw error;
    blockers.push(error.message);
    return undefined;
  });
  const found = await checkRole(client, role, wanted);
  const sealed = wanted.encryption && (await tryCipher(wanted.encryption));
  if (sealed) blockers.push(sealed);
  blockers.push(...found.blockers, ...(await checkSpace(found.bytes, wanted.root, world)));
  return { bytes: found.bytes, blockers, ...(way ? { way } : {}) };
}
