import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { evidenceFolder, evidencePart } from "../../ledger/store.ts";
import { writeJson } from "../../system/durable-file.ts";
import { sha256Of } from "../../system/sha256.ts";
import type { BaseSpec } from "../step.ts";

/** How far a snapshot has come. `incomplete`: every deal was asked for, but too many had errors. */
const State = z.enum(["running", "incomplete", "done"]);

/** What is known of a snapshot, beside its file. */
export const SnapshotManifest = z.strictObject({
  version: z.literal(1),
  stack: z.string(),
  phase: z.string(),
  step: z.string(),
  generation: z.int(),
  /** Digest of what was asked: a snapshot of other questions is another one. */
  digest: z.string(),
  state: State,
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  release: z.string().nullable(),
  /** Name of the finished file in the same folder. */
  file: z.string(),
  bytes: z.int(),
  /** Of the file as it lies there. */
  sha256: z.string(),
  /** Of its lines, however they are compressed. */
  contentSha256: z.string(),
  totalDeals: z.int(),
  successCount: z.int(),
  errorCount: z.int(),
  /**
   * Columns that each line's `row` is a digest of: two snapshots tell of edited rows only when they have the same.
   * Empty when the table was changed meanwhile; absent in a manifest of an older release.
   */
  columns: z.array(z.string()).optional(),
  /** The database's own time before the first answer (`KeyReader.readMoment`); absent in a manifest of an older release. */
  moment: z.string().optional(),
  clock: z.string().optional(),
  /** Set by undo: kept, but of an attempt that is over. */
  released: z.boolean(),
});
export type SnapshotManifest = z.infer<typeof SnapshotManifest>;

/** A snapshot in its folder. */
export interface StoredSnapshot {
  folder: string;
  name: string;
  manifest: SnapshotManifest;
}

/** Snapshots lie beside the evidence records. */
export const snapshotFolder = (evidenceUrl: string): string =>
  evidencePart(evidenceFolder(evidenceUrl), "snapshots");

export const finalPath = ({ folder, manifest }: StoredSnapshot) => join(folder, manifest.file);
/** The lines so far, uncompressed. */
export const partialPath = ({ folder, name }: StoredSnapshot) => join(folder, `${name}.ndjson.partial`);
/** The lines of the try before, of which the good ones are taken over. */
export const previousPath = ({ folder, name }: StoredSnapshot) => join(folder, `${name}.ndjson.previous`);

/** All snapshots of a folder whose manifest can be read, newest first. */
export function listSnapshots(folder: string): StoredSnapshot[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((file) => file.endsWith(".json"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const found = names.flatMap((file) => {
    try {
      const manifest = SnapshotManifest.parse(JSON.parse(readFileSync(join(folder, file), "utf8")));
      return [{ folder, name: file.slice(0, -".json".length), manifest }];
    } catch {
      return [];
    }
  });
  return found.sort(
    (a, b) => b.manifest.startedAt.localeCompare(a.manifest.startedAt) || b.name.localeCompare(a.name),
  );
}

/** Those that this step left in this attempt, newest first. */
export function ownSnapshots(folder: string, { identity }: BaseSpec): StoredSnapshot[] {
  return listSnapshots(folder).filter(
    ({ manifest }) =>
      !manifest.released &&
      manifest.stack === identity.stack &&
      manifest.phase === identity.phase &&
      manifest.step === identity.step,
  );
}

export function writeManifest(snapshot: StoredSnapshot): void {
  mkdirSync(snapshot.folder, { recursive: true, mode: 0o700 });
  writeJson(join(snapshot.folder, `${snapshot.name}.json`), snapshot.manifest);
}

/** A snapshot that is about to begin; its name tells phase, step and time. */
export function newSnapshot(
  folder: string,
  spec: BaseSpec,
  digest: string,
  compress: string,
  now: Date,
): StoredSnapshot {
  const { stack, phase, step } = spec.identity;
  const startedAt = now.toISOString();
  const name = `${phase}-${step}-${startedAt.replaceAll(/[-:.]/g, "")}`.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  const manifest: SnapshotManifest = {
    ...{ version: 1, stack, phase, step, generation: spec.generation, digest, state: "running", startedAt },
    ...{ finishedAt: null, release: null, bytes: 0, sha256: "", contentSha256: "", released: false },
    ...{ totalDeals: 0, successCount: 0, errorCount: 0 },
    file: `${name}.ndjson${compress === "gzip" ? ".gz" : ""}`,
  };
  return { folder, name, manifest };
}

/** The finished file in the making. */
export const incomingPath = (final: string) => `${final}.incoming`;

/** Removes what a snapshot that nobody will go on with has written. Finished ones are never removed. */
export function removeUnfinished(snapshot: StoredSnapshot): void {
  rmSync(partialPath(snapshot), { force: true });
  rmSync(previousPath(snapshot), { force: true });
  rmSync(incomingPath(finalPath(snapshot)), { force: true });
  rmSync(join(snapshot.folder, `${snapshot.name}.json`), { force: true });
}

export function digestOfQuestions(questions: object): string {
  return sha256Of(JSON.stringify(questions));
}
