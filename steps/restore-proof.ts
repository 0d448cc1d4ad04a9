import { tmpdir } from "node:os";
import { z } from "zod";
import { LeaveOut } from "../config/backup-proof.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey } from "../ledger/entries.ts";
import { findSealed } from "../postgres/backup/backup-cipher.ts";
import { countManifestBytes, countManifestRows } from "../postgres/backup/dump-manifest.ts";
import { readProof, writeProof } from "../postgres/backup/dump-proof.ts";
import { shorten } from "../postgres/backup/dump-rights.ts";
import { freeBytes, missingBytes, showBytes } from "../postgres/backup/dump-space.ts";
import { backupFolder, type StoredBackup, shownPath } from "../postgres/backup/dump-store.ts";
import { compareSizes } from "../postgres/backup/dump-verify.ts";
import { type NotProven, showNotProven } from "../postgres/backup/left-out.ts";
import type { Restored } from "../postgres/backup/restore.ts";
import { compareRestored } from "../postgres/backup/restore-compare.ts";
import { restoreCopy } from "../postgres/backup/restored-copy.ts";
import { connect } from "../postgres/connect.ts";
import { withConnection } from "../postgres/session.ts";
import { PROOF_AGE_HOURS } from "./backup/backup-reuse.ts";
import { checkProof } from "./backup/proof-readiness.ts";
import {
  assertIntact,
  assertRecent,
  assertSameDatabase,
  findProofSource,
} from "./backup/restore-proof-source.ts";
import { resultOf } from "./recorded.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

/** Bytes of database that restore and comparison get through a second on two cores, measured low. */
const BYTES_PER_SECOND = 50_000_000;
/** A throwaway server stands after so many seconds. */
const START_SECONDS = 3;

export const RestoreProofSpec = BaseSpec.extend({
  /** Where backups are kept, as the backup step has it. */
  url: z.string().min(1),
  /** Name of the backup step that is proven, in the same phase. */
  of: z.string().min(1),
  /** SHA-256 of its manifest, when a certain backup is meant. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  jobs: z.int().min(1).max(64),
  /** Older backups are no proof of anything that a rollout could go back to. */
  maxAgeHours: z.int().min(1).default(PROOF_AGE_HOURS),
  /** How the backup is taken; logical unless it says otherwise. */
  method: z.enum(["logical", "physical"]).optional(),
  /** What the restored copy does without, with all that needs it. */
  leaveOut: LeaveOut.optional(),
  /** The table of the change: a copy without it proves nothing. */
  keep: z.strictObject({ schema: z.string().min(1), table: z.string().min(1) }).optional(),
});
export type RestoreProofSpec = z.infer<typeof RestoreProofSpec>;

export interface RestoreProofResult {
  path: string;
  /** SHA-256 of the proven backup's manifest. */
  sha256: string;
  /** When the comparison ended without a difference, UTC. */
  provenAt: string;
  tables: number;
  rows: number;
  /** What a restore took, and the comparison after it. */
  restoreSeconds: number;
  compareSeconds: number;
  /** What was not restored or not compared, and why nothing more can be said of it. */
  limits: string[];
  /** What was left out, one by one, with the reason: no row of it was proven. */
  notProven: NotProven[];
}

/** What is read again of it. */
const RestoreProofRecord = z.object({
  provenAt: z.string(),
  restoreSeconds: z.number(),
  compareSeconds: z.number(),
});

function listLimits({ notes, notProven, manifest }: Restored): string[] {
  const named = (what: string, names: string[]) => (names.length > 0 ? [`${what}: ${shorten(names)}`] : []);
  return [
    ...notes,
    ...named("not restored", notProven.map(showNotProven)),
    ...named("not compared, refreshed by the restore", manifest.materialisedViews),
    ...named("not compared, rows live elsewhere", manifest.foreignTables),
    ...named("not compared, of an extension", manifest.extensionTables),
    ...(manifest.globalsMissing ? ["without globals"] : []),
  ];
}

async function assertRoom({ manifest }: StoredBackup): Promise<void> {
  // An encrypted backup is decrypted as a whole before it is restored.
  const needed = manifest.databaseBytes + (manifest.encryption ? countManifestBytes(manifest) : 0);
  const free = await freeBytes(tmpdir());
  const missing = missingBytes(needed, free);
  if (missing === 0) return;
  throw new StepError(
    `restore-proof: expected room for ${showBytes(needed)} in ${tmpdir()}, got ${showBytes(free)} ` +
      `free. Free ${showBytes(missing)} there, or point TMPDIR at another disk.`,
  );
}

async function restoreAndCompare(backup: StoredBackup, spec: RestoreProofSpec, deps: StepDeps) {
  const { signal } = deps;
  const timeoutMs = spec.deadlineSeconds * 1000;
  const started = deps.now().getTime();
  const request = { leaveOut: spec.leaveOut, keep: spec.keep };
  const { throwaway, restored } = await restoreCopy({ backup, jobs: spec.jobs, timeoutMs, signal, request });
  try {
    const between = deps.now().getTime();
    deps.log(`restored in ${((between - started) / 1000).toFixed(1)} s, comparing`);
    const client = await connect(restored.url);
    const faults = await compareRestored(client, restored.manifest, { ...restored, signal }).finally(() =>
      client.end(),
    );
    const seconds = { restore: (between - started) / 1000, compare: (deps.now().getTime() - between) / 1000 };
    return { restored, faults, seconds };
  } finally {
    await throwaway.remove();
  }
}

/** What was proven in time within this attempt may be proven again at any age. */
function provenBefore({ sha256 }: StoredBackup, { identity }: RestoreProofSpec, deps: StepDeps): boolean {
  return deps.evidence.entries().get(entryKey(identity))?.result?.sha256 === sha256;
}

async function prove(spec: RestoreProofSpec, deps: StepDeps): Promise<RestoreProofResult> {
  const { stack, phase } = spec.identity;
  const backup = await findProofSource(backupFolder(spec.url), {
    ...{ stack, phase, step: spec.of, sha256: spec.sha256 },
  });
  const path = shownPath(backup.folder);
  if (!provenBefore(backup, spec, deps)) assertRecent(backup.manifest, spec.maxAgeHours, deps.now());
  const client = await deps.connect();
  await assertSameDatabase(client, backup.manifest).finally(() => client.end());
  const sealed = await findSealed(backup);
  if (sealed) throw new StepError(sealed.replace(/^backup: /, "restore-proof: "));
  await assertIntact(backup, deps);
  await assertRoom(backup);
  deps.log(`restoring ${path} into a throwaway server`);
  const { restored, faults, seconds } = await restoreAndCompare(backup, spec, deps);
  if (faults.length > 0) {
    throw new StepError(
      `restore-proof: expected the restored ${path} to equal its database, got: ${shorten(faults)}. Take a new backup.`,
    );
  }
  const provenAt = deps.now().toISOString();
  const { manifest, notProven } = restored;
  const limits = listLimits(restored);
  await writeProof(backup, provenAt, { limits, notProven });
  for (const limit of limits) deps.log(limit);
  const { tables } = manifest;
  const rows = countManifestRows(manifest);
  deps.log(`proven: ${tables.length} tables, ${rows.toLocaleString("en-US")} rows equal the original`);
  return {
    ...{ path, sha256: backup.sha256, provenAt, tables: tables.length, rows, limits, notProven },
    ...{ restoreSeconds: seconds.restore, compareSeconds: seconds.compare },
  };
}

/** What the latest proof took: the best that can be said while the backup is not there yet. */
function expectAsBefore({ evidence }: StepDeps): Pick<Observation, "estimateSeconds"> {
  const [latest] = [...evidence.entries().values()]
    .filter(({ kind, state }) => kind === restoreProof.name && state === "done")
    .sort((a, b) => (b.doneNumber ?? 0) - (a.doneNumber ?? 0));
  const result = resultOf(restoreProof, latest);
  if (!result) return {};
  return { estimateSeconds: Math.ceil(START_SECONDS + result.restoreSeconds + result.compareSeconds) };
}

/** What the restore will meet, by the database and this machine as they are now: before the backup is taken as well. */
async function lookAhead(spec: RestoreProofSpec, deps: StepDeps) {
  const { notProven, blockers, risks } = await withConnection(deps, (client) => checkProof(client, spec));
  const left = notProven.length > 0 ? [`not proven, left out: ${shorten(notProven.map(showNotProven))}`] : [];
  return { plan: [...left, ...risks], blockers };
}

async function observeProof(spec: RestoreProofSpec, deps: StepDeps): Promise<Observation> {
  const { stack, phase } = spec.identity;
  const expected = `a proven backup of ${spec.of}`;
  try {
    const source = { stack, phase, step: spec.of, sha256: spec.sha256 };
    const backup = await findProofSource(backupFolder(spec.url), source);
    const faults = await compareSizes(backup);
    const proven = await readProof(backup);
    const observed = [...faults, ...(proven ? [] : [`${shownPath(backup.folder)} is not proven`])];
    if (observed.length === 0) return { drift: [], plan: [], undo: [], blockers: [] };
    const { databaseBytes } = backup.manifest;
    const sealed = await findSealed(backup);
    const ahead = await lookAhead(spec, deps);
    return {
      drift: [{ expected, observed: observed.join("; ") }],
      plan: [
        `restore ${shownPath(backup.folder)} (${showBytes(databaseBytes)}) into a throwaway server and compare`,
        ...ahead.plan,
      ],
      undo: [],
      blockers: [...(sealed ? [sealed.replace(/^backup: /, "restore-proof: ")] : []), ...ahead.blockers],
      estimateSeconds: Math.ceil(START_SECONDS + databaseBytes / BYTES_PER_SECOND),
    };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    // In a first preview the backup is not there yet: it is made by the step before.
    const ahead = await lookAhead(spec, deps);
    const plan = [`restore the backup of ${spec.of} into a throwaway server and compare`, ...ahead.plan];
    const drift = [{ expected, observed: error.message }];
    return { drift, plan, undo: [], blockers: ahead.blockers, ...expectAsBefore(deps) };
  }
}

/**
 * Restores a backup into a throwaway server and compares every row with what the original held. The server and its
 * data are gone afterwards, however the step ends.
 * @see docs/backup.md
 */
export const restoreProof = defineStep({
  name: "restore-proof",
  spec: RestoreProofSpec,
  result: RestoreProofRecord,
  lease: false,
  deadlineSeconds: 12 * HOUR,
  observe: observeProof,
  apply: prove,
  async undo() {
    return { summary: "nothing to undo: the throwaway server is gone", kept: [] };
  },
});
