import { type Entry, entryKey } from "./entries.ts";

/**
 * Steps of the present attempt that refer to a backup, by `phase/step`: who took it, who proved it, who was rehearsed
 * on it. Whatever their results call it, they hold the whole SHA-256 of its manifest. Pure.
 */
export function needsOf(sha256: string, entries: ReadonlyMap<string, Entry>): string[] {
  return [...entries.values()]
    .filter(
      ({ state, spec, result }) => state !== "undone" && JSON.stringify([spec, result]).includes(sha256),
    )
    .map(entryKey);
}
