import { tmpdir } from "node:os";
import { z } from "zod";
import { LeaveOut } from "../config/backup-proof.ts";
import { SuiteProgram } from "../config/test-suite.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey } from "../ledger/entries.ts";
import { findSealed } from "../postgres/backup/backup-cipher.ts";
import { countManifestBytes, type Manifest } from "../postgres/backup/dump-manifest.ts";
import { readProof } from "../postgres/backup/dump-proof.ts";
import { freeBytes, missingBytes, showBytes } from "../postgres/backup/dump-space.ts";
import { backupFolder, type StoredBackup, shownPath } from "../postgres/backup/dump-store.ts";
import { type NotProven, showNotProven } from "../postgres/backup/left-out.ts";
import { restoreCopy } from "../postgres/backup/restored-copy.ts";
import { subjectOf } from "../postgres/migration/change-sql.ts";
import { countRows } from "../postgres/migration/counts.ts";
import { backfillSeconds, showRows } from "../postgres/migration/estimate.ts";
import { readWritingRoles } from "../postgres/migration/write-probe.ts";
import { withConnection } from "../postgres/session.ts";
import { assertIntact, assertSameDatabase, findProofSource } from "./backup/restore-proof-source.ts";
import { ChangeStepSpec } from "./migration/change-spec.ts";
import { type Live, runCourse } from "./rehearsal/rehearsal-course.ts";
import type { RehearsedPart } from "./rehearsal/rehearsal-parts.ts";
import type { RehearsedSuite } from "./rehearsal/rehearsal-suite.ts";
import { defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const RehearsalSpec = ChangeStepSpec.extend({
  /** Where backups are kept, and the phase and step that took the one to rehearse on. */
  url: z.string().min(1),
  of: z.strictObject({ phase: z.string().min(1), step: z.string().min(1), proof: z.string().min(1) }),
  jobs: z.int().min(1).max(64),
  /** The application's tests; run only where they say how to be run against the copy. */
  suite: SuiteProgram.optional(),
  release: z.string().min(1).optional(),
  /** What the restored copy does without, as in the proof. */
  leaveOut: LeaveOut.optional(),
});
export type RehearsalSpec = z.infer<typeof RehearsalSpec>;

export interface RehearsalResult {
  /** SHA-256 of the manifest of the backup that it was done on. */
  backup: string;
  rehearsedAt: string;
  /** Rows of the table in the copy, and how many of them the migration changed. */
  rows: number;
  changedRows: number;
  /** Rows of the table itself ÷ rows of the copy, at that moment. */
  scale: number;
  parts: RehearsedPart[];
  /** Trial writes that went through there with the triggers in place: "insert as app". */
  trials: string[];
  /** Forward once, scaled: what phase 1 changes is expected to take. */
  estimateSeconds: number;
  restoreSeconds: number;
  /** The application's tests; empty when none can be run against the copy. */
  suites: RehearsedSuite[];
  /** What the copy lacked, so that nothing can be said of it. */
  limits: string[];
  /** What was left out of the copy, one by one: nothing of the rehearsal speaks for it. */
  notRehearsed: NotProven[];
}

/** Bytes of database that a restore and a comparison get through a second on two cores, measured low. */
const BYTES_PER_SECOND = 50_000_000;

/** The backup that phase 0 proved in this attempt. @throws {StepError} when it is gone, damaged or not proven. */
async function findSource(spec: RehearsalSpec, deps: StepDeps): Promise<StoredBackup> {
  const { phase, step, proof } = spec.of;
  const proven = deps.evidence.entries().get(entryKey({ phase, step: proof }));
  const sha256 = proven?.state === "done" ? (proven.result?.sha256 as string | undefined) : undefined;
  const backup = await findProofSource(backupFolder(spec.url), {
    ...{ stack: spec.identity.stack, phase, step, sha256 },
  });
  const sealed = await findSealed(backup);
  if (sealed) throw new StepError(sealed.replace(/^backup: /, "rehearsal: "));
  if (await readProof(backup)) return backup;
  throw new StepError(
    `rehearsal: expected a proven backup, got ${shownPath(backup.folder)}, which is not. Run \`rollout up\` at phase 0.`,
  );
}

async function assertRoom({ manifest }: StoredBackup, { suite }: RehearsalSpec): Promise<void> {
  // Every row that is changed leaves its old version behind; the tests get a clone of all of it.
  const sealed = manifest.encryption ? countManifestBytes(manifest) : 0;
  const needed = manifest.databaseBytes * (suite?.onCopy ? 4 : 2) + sealed;
  const free = await freeBytes(tmpdir());
  const missing = missingBytes(needed, free);
  if (missing === 0) return;
  throw new StepError(
    `rehearsal: expected room for ${showBytes(needed)} in ${tmpdir()}, got ${showBytes(free)} free. ` +
      `Free ${showBytes(missing)} there, or point TMPDIR at another disk.`,
  );
}

/** What is asked of the database itself: read-only, and nothing more than that. */
function lookAtLive({ change }: RehearsalSpec, manifest: Manifest, deps: StepDeps): Promise<Live> {
  return withConnection(deps, async (client) => {
    await assertSameDatabase(client, manifest);
    return {
      rows: (await countRows(client, change)).total,
      writers: await readWritingRoles(client, change),
    };
  });
}

const round = (value: number) => Math.round(value * 1000) / 1000;

async function onCopy(spec: RehearsalSpec, backup: StoredBackup, deps: StepDeps): Promise<RehearsalResult> {
  const live = await lookAtLive(spec, backup.manifest, deps);
  const { signal } = deps;
  const started = performance.now();
  const timeoutMs = spec.deadlineSeconds * 1000;
  const request = { leaveOut: spec.leaveOut, keep: spec.change };
  const { throwaway, restored } = await restoreCopy({ backup, jobs: spec.jobs, timeoutMs, signal, request });
  try {
    const restoreSeconds = round((performance.now() - started) / 1000);
    const { parts, first, trials, suites } = await runCourse(spec, { throwaway, restored }, live, deps);
    const rows = first.before.total;
    const scale = rows > 0 ? round(live.rows / rows) : 1;
    const forward = parts.filter(({ verb, round }) => verb === "apply" && round === 1);
    const seconds = forward.reduce((sum, part) => sum + part.seconds, 0);
    return {
      ...{ backup: backup.sha256, rehearsedAt: deps.now().toISOString() },
      ...{ rows, changedRows: first.changedRows, scale, parts, trials, restoreSeconds, suites },
      estimateSeconds: Math.max(1, Math.ceil(seconds * scale)),
      limits: [...restored.notes, ...restored.notProven.map((one) => `not restored: ${showNotProven(one)}`)],
      notRehearsed: restored.notProven,
    };
  } finally {
    await throwaway.remove();
  }
}

/** The checks of a backup are the proof's: here they speak for the rehearsal. */
function asRehearsal(error: unknown): unknown {
  if (!(error instanceof StepError)) return error;
  return new StepError(error.message.replace(/^restore-proof: /, "rehearsal: "), { cause: error });
}

async function apply(spec: RehearsalSpec, deps: StepDeps): Promise<RehearsalResult> {
  try {
    const backup = await findSource(spec, deps);
    await assertIntact(backup, deps);
    await assertRoom(backup, spec);
    deps.log(`rehearsal: restoring ${shownPath(backup.folder)} into a throwaway server`);
    const result = await onCopy(spec, backup, deps);
    const waited = Math.max(...result.parts.map(({ writerWaitMs }) => writerWaitMs));
    deps.log(
      `rehearsal: ${showRows(result.rows)}, forward, back, compared, forward again; about ` +
        `${result.estimateSeconds} s to be expected; no writer waited longer than ${waited} ms`,
    );
    return result;
  } catch (error) {
    throw asRehearsal(error);
  }
}

function describe(spec: RehearsalSpec, { folder, manifest }: StoredBackup): string[] {
  const tests = spec.suite?.onCopy ? "; the application's tests run against clones of it" : "";
  return [
    `restore ${shownPath(folder)} (${showBytes(manifest.databaseBytes)}) into a throwaway server; there forward, back, ` +
      `compared, forward again by the steps themselves${tests}; nothing of it stays, ${subjectOf(spec.change)} is not touched`,
  ];
}

async function observe(spec: RehearsalSpec, deps: StepDeps): Promise<Observation> {
  // A finding of its day: it never drifts.
  const nothing = { drift: [], undo: [] };
  try {
    const backup = await findSource(spec, deps);
    const { tables, databaseBytes } = backup.manifest;
    const { schema, table } = spec.change;
    const rows = tables.find((entry) => entry.schema === schema && entry.name === table)?.rows ?? 0;
    const seconds = 6 + (2 * databaseBytes) / BYTES_PER_SECOND + 3 * backfillSeconds(rows, rows);
    return {
      ...nothing,
      plan: describe(spec, backup),
      blockers: [],
      estimateSeconds: Math.ceil(seconds),
    };
  } catch (error) {
    const refused = asRehearsal(error);
    if (!(refused instanceof StepError)) throw refused;
    return { ...nothing, plan: [], blockers: [refused.message] };
  }
}

/**
 * Does phase 1's change, undoes it and does it again on a copy restored from the proven backup, before anything is
 * changed in earnest: exactness is compared, times and locks are measured. The copy is gone afterwards.
 * @see docs/rehearsal.md
 */
export const rehearsal = defineStep({
  name: "rehearsal",
  spec: RehearsalSpec,
  lease: false,
  deadlineSeconds: 12 * HOUR,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: the copy is gone", kept: [] };
  },
});
