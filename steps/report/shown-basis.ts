import { type Entry, entryKey } from "../../ledger/entries.ts";
import type { StepIdentity } from "../step.ts";

/**
 * Number of the record that each step was done with, by `phase/step`: what a step that tells of the whole rollout tells of.
 * Steps of its own phase count where they come before it. Pure.
 */
export function shownBasis(
  { identity, after }: { identity: StepIdentity; after: readonly string[] },
  entries: ReadonlyMap<string, Entry>,
): Record<string, number> {
  const shown = [...entries.values()].filter(
    ({ phase, step, state }) => state === "done" && (phase !== identity.phase || after.includes(step)),
  );
  return Object.fromEntries(shown.map((entry) => [entryKey(entry), entry.doneNumber ?? 0]));
}
