import { z } from "zod";
import type { EvidenceRecord } from "./record.ts";
import { hostNames } from "./spec-hosts.ts";

const Installed = z.object({ hosts: z.array(z.object({ host: z.string(), did: z.string() })) });

/**
 * Commits that this program brought to each host, whatever became of them since. One whose first installation was
 * killed is among them: nobody recorded it, and later runs found it there. Pure.
 */
export function ownReleases(records: readonly EvidenceRecord[]): Map<string, Set<string>> {
  const own = new Map<string, Set<string>>();
  const add = (host: string, sha: unknown) => {
    if (typeof sha === "string") own.set(host, (own.get(host) ?? new Set()).add(sha));
  };
  const ended = new Map(records.flatMap((each) => (each.record === "end" ? [[each.begin, each]] : [])));
  for (const record of records) {
    if (record.record !== "begin" || record.kind !== "release" || record.verb !== "apply") continue;
    const end = ended.get(record.number);
    const { sha } = record.spec;
    if (end?.outcome !== "done") for (const name of hostNames(record.spec)) add(name, sha);
    const done = Installed.safeParse(end?.result).data;
    for (const { host, did } of done?.hosts ?? []) if (did === "installed") add(host, sha);
  }
  return own;
}

/** Every commit that steps have installed, switched to or from: what is not current of it is an old release. Pure. */
export function knownReleases(records: readonly EvidenceRecord[]): Set<string> {
  const shas = records.flatMap((record) => {
    if (record.record === "begin" && record.kind === "release") return [record.spec.sha];
    return record.record === "begin" && record.kind === "release-switch"
      ? [record.spec.from, record.spec.to]
      : [];
  });
  return new Set(shas.filter((sha): sha is string => typeof sha === "string"));
}
