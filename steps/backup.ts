import { mkdir } from "node:fs/promises";
import type { Client } from "pg";
import { z } from "zod";
import { Encryption } from "../config/encryption.ts";
import { StepError } from "../errors/step-error.ts";
import { takeBackup } from "../postgres/backup/dump.ts";
import { explainSessionError } from "../postgres/backup/dump-failure.ts";
import { countManifestBytes, countManifestRows } from "../postgres/backup/dump-manifest.ts";
import { showBytes } from "../postgres/backup/dump-space.ts";
import {
  backupFolder,
  isBroken,
  listBackups,
  releaseBackup,
  removeLeftovers,
  type StoredBackup,
  shownPath,
} from "../postgres/backup/dump-store.ts";
import { type BackupWorld, checkReadiness, realWorld } from "./backup/backup-readiness.ts";
import { findDrift, findReusable } from "./backup/backup-reuse.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

/** Bytes a second that a backup and its sums get through on two cores, measured low; for the estimate only. */
const BYTES_PER_SECOND = { logical: 80_000_000, physical: 100_000_000 };

const describePlan = {
  logical: (bytes: string, folder: string) =>
    `dump up to ${bytes} to ${folder} (reads only, ACCESS SHARE on every table)`,
  physical: (bytes: string, folder: string) =>
    `copy the files of the whole server, all of its databases, up to ${bytes}, to ${folder} ` +
    "(a checkpoint at once, an empty transaction; ACCESS SHARE on every table)",
};

export const BackupSpec = BaseSpec.extend({
  /** Where backups are kept: `file:<folder>`, relative to the project's root. */
  url: z.string().min(1),
  /** logical: pg_dump of the database; physical: pg_basebackup of the whole server, for large databases. */
  method: z.enum(["logical", "physical"]).default("logical"),
  /** Tables that are dumped at the same time; of a logical backup. */
  jobs: z.int().min(1).max(64),
  /** Longest wait for a table that another session holds exclusively, milliseconds. */
  lockWaitTimeoutMs: z.int().min(1).max(3_600_000).default(30_000),
  /** For whom it is encrypted; absent = for nobody. */
  encryption: Encryption.optional(),
  /**
   * Name of the step, earlier in the phase, that judged the rows: what it looks at again may have been corrected, and
   * the rehearsal goes by the backup.
   */
  follows: z.string().min(1).optional(),
});
export type BackupSpec = z.infer<typeof BackupSpec>;

export interface BackupResult {
  /** Folder of the backup: relative to the project's root, or absolute when it lies outside. */
  path: string;
  /** SHA-256 of manifest.json, which holds that of every other file. */
  sha256: string;
  bytes: number;
  tables: number;
  rows: number;
  /** The moment that the backup shows, UTC. */
  takenAt: string;
  /** How long its snapshot was held, seconds. */
  snapshotSeconds: number;
  database: string;
  serverVersion: string;
  /** When a restore of it was compared with the original; null until then. */
  provenAt: string | null;
}

/** What is read again of it. */
const BackupRecord = z.object({ path: z.string(), sha256: z.string() });

function summarise({ folder, manifest, sha256 }: StoredBackup): BackupResult {
  return {
    path: shownPath(folder),
    sha256,
    bytes: countManifestBytes(manifest),
    tables: manifest.tables.length,
    rows: countManifestRows(manifest),
    takenAt: manifest.snapshotAt,
    snapshotSeconds: manifest.snapshotSeconds,
    database: manifest.server.database,
    serverVersion: manifest.server.version,
    provenAt: null,
  };
}

async function takeNew(
  client: Client,
  root: string,
  spec: BackupSpec,
  deps: StepDeps,
  world: BackupWorld,
): Promise<StoredBackup> {
  const { method, encryption } = spec;
  const wanted = { method, encryption, databaseUrl: deps.databaseUrl(), root };
  const { way, blockers } = await checkReadiness(client, wanted, world);
  if (!way || blockers.length > 0) throw new StepError(blockers.join("\n"));
  const { stack, phase, step } = spec.identity;
  return takeBackup(client, {
    ...{ root, way, encryption, jobs: spec.jobs, lockWaitTimeoutMs: spec.lockWaitTimeoutMs },
    owner: { stack, phase, step, generation: spec.generation },
    databaseUrl: deps.databaseUrl(),
    timeoutMs: spec.deadlineSeconds * 1000,
    signal: deps.signal,
    now: deps.now,
    log: deps.log,
  });
}

async function applyBackup(spec: BackupSpec, deps: StepDeps, world: BackupWorld): Promise<BackupResult> {
  const root = backupFolder(spec.url);
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of await removeLeftovers(root)) deps.log(`removed ${name}, left by a run that died`);
  const client = await deps.connect();
  try {
    const reusable = await findReusable(client, root, spec, deps);
    if (reusable) deps.log("the run before broke off after its backup: that one is whole and is kept");
    const result = summarise(reusable ?? (await takeNew(client, root, spec, deps, world)));
    const rows = `${result.tables} tables, ${result.rows.toLocaleString("en-US")} rows`;
    deps.log(`backup ${result.path}: ${rows}, ${showBytes(result.bytes)}, as of ${result.takenAt}`);
    return result;
  } catch (error) {
    throw await explainSessionError(error, client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function observeBackup(spec: BackupSpec, deps: StepDeps, world: BackupWorld): Promise<Observation> {
  const root = backupFolder(spec.url);
  const { own, drift } = await findDrift(root, spec, deps.now());
  const undo = own ? [`keep backup ${shownPath(own.folder)}`] : [];
  if (own && drift.length === 0) return { drift, plan: [], undo, blockers: [] };
  const client = await deps.connect();
  try {
    const { method, encryption } = spec;
    const wanted = { method, encryption, databaseUrl: deps.databaseUrl(), root };
    const { bytes, blockers } = await checkReadiness(client, wanted, world);
    const sealed = encryption ? `; encrypted for ${encryption.recipients.length} keys of age` : "";
    const plan = [`${describePlan[method](showBytes(bytes), shownPath(root))}${sealed}`];
    return { drift, plan, undo, blockers, estimateSeconds: Math.ceil(bytes / BYTES_PER_SECOND[method]) };
  } finally {
    await client.end();
  }
}

/** Backups stay. Those of this step are only marked, so that a later attempt takes its own. */
async function undoBackup(spec: BackupSpec, deps: StepDeps): Promise<UndoResult> {
  const { stack, phase, step } = spec.identity;
  const kept: UndoResult["kept"] = [];
  for (const backup of await listBackups(backupFolder(spec.url))) {
    if (isBroken(backup) || backup.released) continue;
    const { manifest, folder } = backup;
    if (manifest.stack !== stack || manifest.phase !== phase || manifest.step !== step) continue;
    await releaseBackup(folder, deps.now());
    kept.push({
      subject: shownPath(folder),
      reason: "backups are kept; when it has served: npx rollout backups erase",
    });
  }
  return {
    summary: kept.length > 0 ? `kept ${kept.length} of its backups` : "no backup of it to keep",
    kept,
  };
}

/** Builds the step around what lies outside of the process; the real one is below. */
export function createBackup(world: BackupWorld = realWorld) {
  return defineStep({
    name: "backup",
    spec: BackupSpec,
    result: BackupRecord,
    lease: false,
    deadlineSeconds: 12 * HOUR,
    observe: (spec, deps) => observeBackup(spec, deps, world),
    apply: (spec, deps) => applyBackup(spec, deps, world),
    undo: undoBackup,
  });
}

/**
 * A dump of the whole database in one snapshot, with sums of every table, read back and listed in a manifest.
 * @see runbook 0.6, 1.6; docs/backup.md
 */
export const backup = createBackup();
