import type { Entry } from "../ledger/entries.ts";
import { entryKey } from "../ledger/entries.ts";

type Identity = Pick<Entry, "phase" | "step">;

/** The newest step of that kind that is not undone, other than this one: it says what the thing has to be now. */
function newestOther(
  entries: ReadonlyMap<string, Entry>,
  identity: Identity,
  kind: string,
): Entry | undefined {
  return [...entries.values()]
    .filter((entry) => entry.kind === kind && entry.state !== "undone")
    .filter((entry) => entryKey(entry) !== entryKey(identity))
    .sort((a, b) => b.since - a.since)[0];
}

/** Commit that the other steps want `current` to point at; undefined when none does. Pure. */
export function wantedRelease(entries: ReadonlyMap<string, Entry>, identity: Identity): string | undefined {
  return newestOther(entries, identity, "release-switch")?.spec.to as string | undefined;
}

/** Value that the other steps want the flag to have, null for no line of it; undefined when none does. Pure. */
export function wantedFlag(
  entries: ReadonlyMap<string, Entry>,
  identity: Identity,
): boolean | null | undefined {
  return newestOther(entries, identity, "env-flag")?.spec.value as boolean | null | undefined;
}
