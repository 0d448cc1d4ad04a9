import type { ArchivePart } from "../config/archive.ts";
import { type Collection, collectSources, isIncluded } from "./collect-sources.ts";
import { sizeOf } from "./source.ts";

/** How much there is to archive, without reading it. */
export async function measureSources(
  collection: Collection,
  include: readonly ArchivePart[],
): Promise<{ files: number; bytes: number }> {
  const sources = collectSources(collection).filter((source) => isIncluded(source, include));
  const sizes = await Promise.all(sources.map(sizeOf));
  return { files: sources.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}
