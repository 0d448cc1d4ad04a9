import canonicalize from "canonicalize";
import { z } from "zod";
import { ArchivePart } from "../config/archive.ts";

export const MANIFEST = "manifest.json";

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One file: its path below the archive's folder, what kind of thing it is, its size and hash. */
const ListedFile = z.strictObject({
  path: z.string().min(1),
  kind: z.enum(["record", "artifact", "snapshot", "report", "config", "summary"]),
  bytes: z.int().min(0),
  sha256: Sha256,
});
export type ListedFile = z.infer<typeof ListedFile>;

/** What an archive holds. It lists every file of it but itself, sorted by path. */
export const ArchiveManifest = z.strictObject({
  version: z.literal(1),
  stack: z.string(),
  /** `schema.table.column`. */
  subject: z.string(),
  /** The one folder that everything lies in. */
  folder: z.string().min(1),
  /** The evidence that was archived: all records up to this one. */
  evidence: z.strictObject({
    records: z.int().min(1),
    head: z.strictObject({ number: z.int(), hash: Sha256 }),
    /** Times of the first and the last record. */
    from: z.string(),
    to: z.string(),
  }),
  releases: z.record(z.string(), z.string()),
  include: z.array(ArchivePart),
  files: z.array(ListedFile),
  /** Files that the configuration leaves out: not here, but known by hash. */
  leftOut: z.array(ListedFile),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;

/** RFC 8785: one text for one content, so that the same evidence gives the same bytes. */
export function manifestText(manifest: ArchiveManifest): string {
  return `${canonicalize(manifest)}\n`;
}

/** A file that was found in an archive. */
export interface FoundFile {
  bytes: number;
  sha256: string;
}

/**
 * How what was found differs from what the manifest lists: removed, added and changed files, each by its name. Pure.
 * @param found every file but the manifest, by path.
 */
export function compareWithManifest(
  { files }: ArchiveManifest,
  found: ReadonlyMap<string, FoundFile>,
): string[] {
  const listed = new Map(files.map((file) => [file.path, file]));
  const removed = files
    .filter(({ path }) => !found.has(path))
    .map(({ path }) => `${path}: expected it, as the manifest lists it, got no such file (removed)`);
  const added = [...found.keys()]
    .filter((path) => !listed.has(path))
    .map((path) => `${path}: expected no file that the manifest does not list, got one (added)`);
  const changed = files.flatMap(({ path, bytes, sha256 }) => {
    const seen = found.get(path);
    if (!seen || (seen.sha256 === sha256 && seen.bytes === bytes)) return [];
    const [expected, got] = [sha256, seen.sha256].map((hash) => hash.slice(0, 12));
    return [
      `${path}: expected SHA-256 ${expected}… (${bytes} bytes), got ${got}… (${seen.bytes} bytes) (changed)`,
    ];
  });
  return [...removed, ...added, ...changed];
}
