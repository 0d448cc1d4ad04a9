import type { ArchivePart } from "../config/archive.ts";
import { headOf } from "../ledger/evidence-slice.ts";
import { byPath, type Collection, collectSources, isIncluded } from "./collect-sources.ts";
import { indexPage } from "./index-page.ts";
import type { ArchiveManifest, ListedFile } from "./manifest.ts";
import { archiveReadme } from "./readme.ts";
import { type ArchiveSource, listSource } from "./source.ts";

export interface ManifestOptions extends Collection {
  /** `schema.table.column`. */
  subject: string;
  include: readonly ArchivePart[];
  signal: AbortSignal;
}

/** `2025-01-31-deals.deal_type`: the day of the last record, since the same evidence is to give the same archive. */
function folderName({ subject }: ManifestOptions, to: string): string {
  const change = subject
    .split(".")
    .slice(-2)
    .join(".")
    .replaceAll(/[^A-Za-z0-9._-]/g, "_");
  return `${to.slice(0, 10)}-${change}`;
}

async function listAll(sources: readonly ArchiveSource[], signal: AbortSignal): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  for (const source of sources) listed.push(await listSource(source, signal));
  return listed;
}

/** Reads everything once: what is archived, sorted, and the manifest that lists it. */
export async function makeManifest(
  options: ManifestOptions,
): Promise<{ sources: ArchiveSource[]; manifest: ArchiveManifest }> {
  const { stack, records, subject, include, releases, signal } = options;
  const all = collectSources(options);
  const kept = all.filter((source) => isIncluded(source, include));
  const out = all.filter((source) => !isIncluded(source, include));
  const [from, to] = [records.at(0)?.at ?? "", records.at(-1)?.at ?? ""];
  const manifest: ArchiveManifest = {
    ...{ version: 1, stack, subject, folder: folderName(options, to), releases },
    evidence: { records: records.length, head: headOf(records), from, to },
    ...{
      include: [...include].sort(),
      files: await listAll(kept, signal),
      leftOut: await listAll(out, signal),
    },
  };
  const pages = [
    { path: "README.md", text: archiveReadme({ manifest, records }) },
    { path: "index.html", text: indexPage({ manifest, records }) },
  ].map(({ path, text }): ArchiveSource => ({ path, kind: "summary", content: { text } }));
  const files = [...manifest.files, ...(await listAll(pages, signal))].sort(byPath);
  return { sources: [...kept, ...pages].sort(byPath), manifest: { ...manifest, files } };
}
