import { phaseNumber } from "../../config/phase.ts";
import type { Entry } from "../../ledger/entries.ts";
import type { SnapshotReference } from "./snapshot-pair.ts";

/**
 * How a snapshot is taken once more where another release has been switched to since: the one that it is to be of answers
 * in a lower phase only. Undefined while it still runs. Pure.
 */
export function takeAgain(
  { phase }: Pick<SnapshotReference, "phase">,
  stack: string,
  entries: ReadonlyMap<string, Entry>,
): string | undefined {
  const own = phaseNumber(phase);
  const switched = [...entries.values()]
    .filter(({ kind, state }) => kind === "release-switch" && state !== "undone")
    .map((entry) => phaseNumber(entry.phase))
    .filter((number) => number >= own);
  if (switched.length === 0) return undefined;
  // Where its own phase switches, it is taken before that: on the way up again.
  const down = switched.includes(own) ? own - 1 : own;
  const lower = `npx rollout config set phase ${down} --stack ${stack} && npx rollout up --stack ${stack}`;
  const highest = Math.max(...switched);
  return `lower the phase to ${down} and rise to ${highest} again (${lower}, then one phase at a time)`;
}
