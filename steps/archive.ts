import { statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { measureSources } from "../archive/collect-sources.ts";
import { findMissingPrograms } from "../archive/compression.ts";
import { makeManifest } from "../archive/make-manifest.ts";
import { removeLeftovers, writeArchive } from "../archive/write-archive.ts";
import { ArchivePart } from "../config/archive.ts";
import { Encryption } from "../config/encryption.ts";
import { entryKey } from "../ledger/entries.ts";
import { recordsBefore } from "../ledger/evidence-slice.ts";
import { ReportPath } from "../ledger/report-file.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { describeMissing, freeBytes, showBytes } from "../postgres/backup/dump-space.ts";
import { resultOf } from "./recorded.ts";
import { shownBasis } from "./report/shown-basis.ts";
import { BaseSpec, type Drift, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const ArchiveSpec = BaseSpec.extend({
  /** Folder of the stack's archives. */
  folder: ReportPath,
  /** Folder of the stack's reports. */
  reports: ReportPath,
  /** `schema.table.column`. */
  subject: z.string().min(1),
  include: z.array(ArchivePart),
  /** As the backups': for whom it is encrypted; absent = for nobody. */
  encryption: Encryption.optional(),
  /** Commits by name. */
  releases: z.record(z.string(), z.string()),
  /** Steps of the same phase that come before: with any of them, or one of an earlier phase, done again it is out of date. */
  after: z.array(z.string().min(1)),
});
export type ArchiveSpec = z.infer<typeof ArchiveSpec>;

export interface ArchiveResult {
  /** The archive, relative to the project's root. */
  path: string;
  bytes: number;
  /** Of the archive as it lies there: what a copy is compared with. */
  sha256: string;
  files: number;
  /** Files that archive.include leaves out. */
  leftOut: number;
  /** The last record in it. */
  head: number;
  /** Number of the record that each step was done with. */
  basis: Record<string, number>;
}

/** What is read again of it. */
const ArchiveRecord = z.object({
  path: z.string(),
  bytes: z.number(),
  basis: z.record(z.string(), z.number()),
});
type ArchiveRecord = z.infer<typeof ArchiveRecord>;

/** Bytes a second that hashing and packing get through, measured low; for the estimate only. */
const BYTES_PER_SECOND = 60_000_000;

function findDrift({ path, bytes, basis }: ArchiveRecord, now: Record<string, number>): Drift[] {
  const size = statSync(resolve(path), { throwIfNoEntry: false })?.size;
  const redone = Object.keys(now).filter((key) => now[key] !== basis[key]);
  return [
    ...(size === bytes
      ? []
      : [
          {
            expected: `${path} of ${bytes} bytes`,
            observed: size === undefined ? "no such file" : `${size} bytes`,
          },
        ]),
    ...(redone.length === 0
      ? []
      : [{ expected: "an archive of what holds now", observed: `${redone.join(", ")} done since` }]),
  ];
}

const collectionOf = (spec: ArchiveSpec, { evidence }: StepDeps) => ({
  stack: spec.identity.stack,
  records: recordsBefore(evidence.records(), spec.identity),
  evidenceFolder: evidenceFolder(spec.identity.evidenceUrl),
  reportsFolder: resolve(spec.reports),
  releases: spec.releases,
});

async function observe(spec: ArchiveSpec, deps: StepDeps): Promise<Observation> {
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const result = own?.state === "done" ? resultOf(archive, own) : undefined;
  const drift = result ? findDrift(result, shownBasis(spec, deps.evidence.entries())) : [];
  const undo = result ? [`keep ${result.path}`] : [];
  if (result && drift.length === 0) return { drift, plan: [], undo, blockers: [] };
  const { files, bytes } = await measureSources(collectionOf(spec, deps), spec.include);
  const missing = describeMissing(bytes, await freeBytes(resolve(spec.folder)), spec.folder);
  const blockers = findMissingPrograms({ encrypted: spec.encryption !== undefined });
  if (missing) blockers.push(`archive: ${missing}.`);
  const sealed = spec.encryption ? `, encrypted for ${spec.encryption.recipients.length} keys of age` : "";
  const plan = [
    `archive ${files} files, ${showBytes(bytes)} before compression, into ${spec.folder}${sealed}`,
  ];
  return { drift, plan, undo, blockers, estimateSeconds: 1 + Math.ceil(bytes / BYTES_PER_SECOND) };
}

async function apply(spec: ArchiveSpec, deps: StepDeps): Promise<ArchiveResult> {
  const { subject, include, encryption, folder } = spec;
  const { signal } = deps;
  const collection = collectionOf(spec, deps);
  const { sources, manifest } = await makeManifest({ ...collection, subject, include, signal });
  const written = await writeArchive(sources, manifest, { folder: resolve(folder), encryption, signal });
  const path = `${folder}/${written.name}`;
  const kept = written.isNew ? "" : " (it was there, to the byte)";
  deps.log(`archive ${path}: ${manifest.files.length + 1} files, ${showBytes(written.bytes)}${kept}`);
  deps.log(`  SHA-256 ${written.sha256}; anywhere: npx rollout verify ${path}`);
  for (const { path: left } of manifest.leftOut) deps.log(`  left out (archive.include): ${left}`);
  return {
    ...{ path, bytes: written.bytes, sha256: written.sha256, files: manifest.files.length + 1 },
    ...{ leftOut: manifest.leftOut.length, head: manifest.evidence.head.number },
    basis: shownBasis(spec, deps.evidence.entries()),
  };
}

/**
 * Everything that is known of the rollout in one file that explains itself and can be verified anywhere. It only reads
 * what it archives, never writes over an archive, and stays when the phase is taken back.
 * @see runbook 4.6; docs/archive.md
 */
export const archive = defineStep({
  name: "archive",
  spec: ArchiveSpec,
  result: ArchiveRecord,
  lease: false,
  deadlineSeconds: 12 * HOUR,
  restates: true,
  observe,
  apply,
  async undo({ folder }, _deps, result) {
    await removeLeftovers(resolve(folder));
    const kept = result
      ? [{ subject: result.path, reason: "archives are kept; the next attempt makes its own" }]
      : [];
    return { summary: result ? `kept ${result.path}` : "no archive to keep", kept };
  },
});
