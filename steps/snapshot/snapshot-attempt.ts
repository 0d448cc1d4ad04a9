import { mkdir, rename, stat } from "node:fs/promises";
import { StepError } from "../../errors/step-error.ts";
import { shownPath } from "../../postgres/backup/dump-store.ts";
import { isDiskFull } from "../../system/durable-file.ts";
import { hashFile } from "../../system/sha256.ts";
import type { OutputSnapshotSpec } from "../output-snapshot.ts";
import type { StepDeps } from "../step.ts";
import { readBack, removeFile, sealLines, type Tally } from "./snapshot-file.ts";
import {
  digestOfQuestions,
  finalPath,
  newSnapshot,
  ownSnapshots,
  partialPath,
  previousPath,
  removeUnfinished,
  type SnapshotManifest,
  type StoredSnapshot,
  snapshotFolder,
  writeManifest,
} from "./snapshot-store.ts";

/** Age up to which a finished snapshot of a run that broke off just after it is as good as a new one. */
const REUSE_MS = 60 * 60 * 1000;

/** What makes two snapshots comparable attempts at the same thing. */
export function questionsDigest({ change, outputs, release }: OutputSnapshotSpec): string {
  const { schema, table, key } = change;
  const { requests, command = null, compress } = outputs;
  return digestOfQuestions({ schema, table, key, requests, command, compress, release: release ?? null });
}

/** The snapshot to go on with: of the same questions, the same release, and not too old. Others of its kind are cleared. */
export function findUnfinished(
  spec: OutputSnapshotSpec,
  release: string | null,
  deps: StepDeps,
): StoredSnapshot | undefined {
  const digest = questionsDigest(spec);
  let found: StoredSnapshot | undefined;
  for (const snapshot of ownSnapshots(snapshotFolder(spec.identity.evidenceUrl), spec)) {
    const { manifest } = snapshot;
    if (manifest.state === "done") continue;
    const ageMs = deps.now().getTime() - Date.parse(manifest.startedAt);
    const fresh = ageMs >= 0 && ageMs <= spec.outputs.resumeHours * 3_600_000;
    const same = manifest.digest === digest && manifest.generation === spec.generation;
    if (!found && fresh && same && manifest.release === release) found = snapshot;
    else {
      deps.log(`output snapshot: removed ${snapshot.name}, left by a run that broke off and of no more use`);
      removeUnfinished(snapshot);
    }
  }
  return found;
}

/** A finished snapshot of a run that broke off before its evidence was written: recent, every byte as it was. */
export async function findFinished(
  spec: OutputSnapshotSpec,
  deps: StepDeps,
): Promise<StoredSnapshot | undefined> {
  const [own] = ownSnapshots(snapshotFolder(spec.identity.evidenceUrl), spec);
  if (own?.manifest.state !== "done") return undefined;
  const { digest, generation, finishedAt, sha256 } = own.manifest;
  const ageMs = deps.now().getTime() - Date.parse(finishedAt ?? "");
  if (
    digest !== questionsDigest(spec) ||
    generation !== spec.generation ||
    !(ageMs >= 0 && ageMs <= REUSE_MS)
  )
    return undefined;
  const found = await hashFile(finalPath(own)).catch(() => "");
  return found === sha256 ? own : undefined;
}

/** Begins a snapshot, or goes on with one; errors of a try that was finished are asked again. */
export async function openSnapshot(spec: OutputSnapshotSpec, release: string | null, deps: StepDeps) {
  const folder = snapshotFolder(spec.identity.evidenceUrl);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unfinished = findUnfinished(spec, release, deps);
  const snapshot =
    unfinished ?? newSnapshot(folder, spec, questionsDigest(spec), spec.outputs.compress, deps.now());
  if (snapshot.manifest.state === "incomplete") {
    await rename(partialPath(snapshot), previousPath(snapshot)).catch(ignoreMissing);
  }
  Object.assign(snapshot.manifest, { state: "running", release });
  writeManifest(snapshot);
  const tally = await readBack(partialPath(snapshot));
  if (unfinished) deps.log(`output snapshot: going on after ${tally.total.toLocaleString("en-US")} deals`);
  const earlier = await stat(previousPath(snapshot)).catch(() => undefined);
  return { snapshot, tally, previous: earlier ? previousPath(snapshot) : undefined };
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** The disk is full: what is written stays, and the next run goes on with it. */
export function explainFull(error: unknown, snapshot: StoredSnapshot): never {
  if (!isDiskFull(error)) throw error;
  throw new StepError(
    `output-snapshot: expected room for the snapshot in ${shownPath(snapshot.folder)}, got a full disk. Free some and run again: it goes on where it stopped.`,
    { cause: error },
  );
}

/** Makes the lines the finished snapshot. */
export async function sealSnapshot(
  snapshot: StoredSnapshot,
  tally: Tally,
  spec: OutputSnapshotSpec,
  deps: StepDeps,
): Promise<void> {
  const sums = await sealLines(partialPath(snapshot), finalPath(snapshot), spec.outputs.compress).catch(
    (error) => explainFull(error, snapshot),
  );
  const finished: Partial<SnapshotManifest> = {
    ...{ ...sums, state: "done", finishedAt: deps.now().toISOString() },
    ...{ totalDeals: tally.total, successCount: tally.success, errorCount: tally.errors },
  };
  Object.assign(snapshot.manifest, finished);
  writeManifest(snapshot);
  await removeFile(previousPath(snapshot));
  await removeFile(partialPath(snapshot));
}
