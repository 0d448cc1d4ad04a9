import { abandonedHosts } from "./abandoned-hosts.ts";
import { type Entry, foldEntries } from "./entries.ts";
import type { EvidenceRecord } from "./record.ts";
import { hostNames } from "./spec-hosts.ts";

/** A host that may still run a release of a phase that is not undone on it. */
export interface LaterHost {
  host: string;
  /** Phase that is not undone there. */
  phase: string;
  /** Commit that it may run; absent where the phase switches no release. */
  release?: string;
}

/** Kinds of steps after which a host runs something else. The opening restart is the last of them to be undone. */
const HOST_STEPS = ["release-switch", "env-flag", "service-restart"];

/** The newest release that the phase has brought to its hosts, also where that is undone on those that answer. Pure. */
export function releaseOf(phase: string, entries: ReadonlyMap<string, Entry>): string | undefined {
  const newest = [...entries.values()]
    .filter((entry) => entry.phase === phase && entry.kind === "release-switch")
    .sort((a, b) => b.since - a.since)[0];
  return typeof newest?.spec.to === "string" ? newest.spec.to : undefined;
}

/**
 * Hosts that may still run a release that came after this step: a phase that began later is not undone there. Those that
 * were given up are none. The database waits for them: they would write what the old schema does not take. Pure.
 */
export function hostsOfLaterPhases(
  records: readonly EvidenceRecord[],
  { phase, since }: Pick<Entry, "phase" | "since">,
): LaterHost[] {
  const entries = foldEntries(records);
  const abandoned = abandonedHosts(records);
  const found = new Map<string, LaterHost>();
  const later = [...entries.values()]
    .filter(
      (entry) => entry.phase !== phase && entry.since > since && entry.state !== "undone" && !entry.finished,
    )
    .filter(({ kind }) => HOST_STEPS.includes(kind))
    .sort((a, b) => a.since - b.since);
  for (const entry of later) {
    const release = releaseOf(entry.phase, entries);
    for (const host of hostNames(entry.spec))
      if (!abandoned.has(host))
        found.set(host, { host, phase: entry.phase, ...(release === undefined ? {} : { release }) });
  }
  return [...found.values()];
}
