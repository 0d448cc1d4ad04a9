import { basename } from "node:path";
import { z } from "zod";
import { Keep, showKeep } from "../config/keep.ts";
import { entryKey } from "../ledger/entries.ts";
import { needsOf } from "../ledger/needed-backup.ts";
import { countManifestBytes } from "../postgres/backup/dump-manifest.ts";
import { showBytes } from "../postgres/backup/dump-space.ts";
import { backupFolder, eraseBackup, type StoredBackup, shownPath } from "../postgres/backup/dump-store.ts";
import { findOutlived, listOfStack } from "../postgres/backup/outlived-backups.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const RetentionSpec = BaseSpec.extend({
  /** Where backups are kept, as the backup step has it. */
  url: z.string().min(1),
  /** Name of the step, earlier in the phase, that proves a backup: older ones are let go after it. */
  of: z.string().min(1),
  /** Without it nothing is removed. */
  keep: Keep.optional(),
});
export type RetentionSpec = z.infer<typeof RetentionSpec>;

export interface RetentionResult {
  /** Backups that were removed, in the order of their removal. */
  removed: { name: string; sha256: string; takenAt: string }[];
  freedBytes: number;
  /** Backups of the stack that stay. */
  kept: number;
}

async function find(spec: RetentionSpec, deps: StepDeps, coming: number): Promise<StoredBackup[]> {
  const { keep, url, identity } = spec;
  if (!keep) return [];
  const { own } = await listOfStack(backupFolder(url), identity.stack);
  const entries = deps.evidence.entries();
  const isNeeded = (sha256: string) => needsOf(sha256, entries).length > 0;
  return findOutlived(own, { keep, isNeeded, now: deps.now(), coming });
}

/** What is read again of it. */
const RetentionRecord = z.object({ removed: z.array(z.object({ name: z.string() })) });

async function observe(spec: RetentionSpec, deps: StepDeps): Promise<Observation> {
  // It never drifts: what grows too old goes when a newer one is proven.
  const nothing = { drift: [], plan: [], undo: [], blockers: [], estimateSeconds: 1 };
  if (!spec.keep) return nothing;
  const proof = deps.evidence.entries().get(entryKey({ ...spec.identity, step: spec.of }));
  const outlived = await find(spec, deps, proof?.state === "done" ? 0 : 1);
  if (outlived.length === 0) return nothing;
  const names = outlived.map(({ folder }) => shownPath(folder));
  const plan = [
    `remove for good ${names.length} older backups, once the new one is proven (backup.keep: ${showKeep(spec.keep)}): ` +
      names.join(", "),
  ];
  return { ...nothing, plan };
}

async function apply(spec: RetentionSpec, deps: StepDeps): Promise<RetentionResult> {
  const outlived = await find(spec, deps, 0);
  const removed: RetentionResult["removed"] = [];
  let freedBytes = 0;
  for (const { folder, manifest, sha256 } of outlived) {
    deps.signal.throwIfAborted();
    await eraseBackup(folder);
    removed.push({ name: basename(folder), sha256, takenAt: manifest.snapshotAt });
    freedBytes += countManifestBytes(manifest);
    deps.log(`removed ${shownPath(folder)}, of ${manifest.snapshotAt}: beyond backup.keep`);
  }
  const { own } = await listOfStack(backupFolder(spec.url), spec.identity.stack);
  if (removed.length > 0) deps.log(`freed ${showBytes(freedBytes)}; ${own.length} backups stay`);
  return { removed, freedBytes, kept: own.length };
}

/**
 * Lets older backups of the stack go once a newer one is proven: never the newest proven one, and none that a step of
 * the present attempt refers to.
 * @see docs/backup.md
 */
export const retention = defineStep({
  name: "retention",
  spec: RetentionSpec,
  result: RetentionRecord,
  lease: false,
  deadlineSeconds: HOUR,
  observe,
  apply,
  async undo(_spec, _deps, result) {
    const count = result?.removed.length ?? 0;
    return {
      summary: count > 0 ? `${count} older backups stay removed` : "nothing to undo: no backup was removed",
      kept: [],
    };
  },
});
