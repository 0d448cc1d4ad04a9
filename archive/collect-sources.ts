import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { ArchivePart } from "../config/archive.ts";
import { headOf } from "../ledger/evidence-slice.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { evidencePart } from "../ledger/store.ts";
import { finalPath, listSnapshots } from "../steps/snapshot/snapshot-store.ts";
import { backupLocations } from "./backup-locations.ts";
import { type ArchiveSource, sizeOf } from "./source.ts";
import { readStackConfig } from "./stack-config.ts";

/** What is archived, and from where. */
export interface Collection {
  stack: string;
  records: readonly EvidenceRecord[];
  evidenceFolder: string;
  reportsFolder: string;
  releases: Record<string, string>;
}

/** Every regular file below a folder, links not followed, files in the making left out. */
function listFiles(folder: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && !/^\.|\.incoming$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

const readEntries = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true });

function filesIn(folder: string, under: string, kind: ArchiveSource["kind"]): ArchiveSource[] {
  return listFiles(folder).map((path) => ({
    ...{ path: `${under}/${path}`, kind },
    content: { file: join(folder, path) },
  }));
}

/**
 * Mails as they were addressed, and deals taken apart: personal and business data that nobody needs to check a rollout.
 * What was written is among the artifacts, without those who got it.
 */
const NEVER = /^reports\/(?:investigations|outbox)\//;

/**
 * Reports as they are, but for the review page: its links lead from where it lies to the evidence, which in an archive
 * lies elsewhere.
 */
function reportSources({ reportsFolder, evidenceFolder }: Collection): ArchiveSource[] {
  const outside = `${relative(reportsFolder, evidenceFolder)}/`;
  const inside = (text: string) =>
    text.replaceAll(`"${outside}`, '"../evidence/').replaceAll(`](${outside}`, "](../evidence/");
  return filesIn(reportsFolder, "reports", "report")
    .filter(({ path }) => !NEVER.test(path))
    .map((source) =>
      /^reports\/review\.[^/]*$/.test(source.path) && "file" in source.content
        ? { ...source, content: { text: inside(readFileSync(source.content.file, "utf8")) } }
        : source,
    );
}

function recordSources({ records, evidenceFolder }: Collection): ArchiveSource[] {
  const head = `${JSON.stringify(headOf(records))}\n`;
  const files = records.map((record): ArchiveSource => {
    const name = recordFileName(record);
    return { path: `evidence/${name}`, kind: "record", content: { file: join(evidenceFolder, name) } };
  });
  return [...files, { path: "evidence/head.json", kind: "record", content: { text: head } }];
}

/** Finished ones with what is known of them; one that was broken off shows nothing. */
function snapshotSources({ evidenceFolder }: Collection): ArchiveSource[] {
  const folder = evidencePart(evidenceFolder, "snapshots");
  const done = listSnapshots(folder).filter(({ manifest }) => manifest.state === "done");
  return done.flatMap((snapshot) =>
    [`${snapshot.name}.json`, relative(folder, finalPath(snapshot))].map(
      (name): ArchiveSource => ({
        ...{ path: `evidence/snapshots/${name}`, kind: "snapshot" },
        content: { file: join(folder, name) },
      }),
    ),
  );
}

function summarySources({ stack, records, releases }: Collection): ArchiveSource[] {
  const json = (value: unknown) => ({ text: `${JSON.stringify(value, null, 2)}\n` });
  const config = readStackConfig(stack);
  return [
    { path: "backups.json", kind: "summary", content: json(backupLocations(records)) },
    { path: "releases.json", kind: "summary", content: json(releases) },
    ...(config === undefined
      ? []
      : [{ path: `config/Pulumi.${stack}.yaml`, kind: "config", content: { text: config } } as const]),
  ];
}

const PART: Partial<Record<ArchiveSource["kind"], ArchivePart>> = {
  artifact: "artifacts",
  snapshot: "snapshots",
  report: "reports",
};

/** True for a file that the configuration wants in the archive. Records and what is made of them always are. */
export function isIncluded({ kind }: Pick<ArchiveSource, "kind">, include: readonly ArchivePart[]): boolean {
  const part = PART[kind];
  return part === undefined || include.includes(part);
}

/** Everything that can be archived, but for the pages about it, sorted by path. */
export function collectSources(collection: Collection): ArchiveSource[] {
  const { evidenceFolder } = collection;
  const sources = [
    ...recordSources(collection),
    ...filesIn(evidencePart(evidenceFolder, "artifacts"), "evidence/artifacts", "artifact"),
    ...filesIn(evidencePart(evidenceFolder, "regressions"), "evidence/regressions", "artifact"),
    ...snapshotSources(collection),
    ...reportSources(collection),
    ...summarySources(collection),
  ];
  return sources.sort(byPath);
}

/** By code units: the same on every machine, whatever its language. */
export const byPath = (a: { path: string }, b: { path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

/** How much there is to archive, without reading it. */
export async function measureSources(
  collection: Collection,
  include: readonly ArchivePart[],
): Promise<{ files: number; bytes: number }> {
  const sources = collectSources(collection).filter((source) => isIncluded(source, include));
  const sizes = await Promise.all(sources.map(sizeOf));
  return { files: sources.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}
