import type { Host } from "../../config/target.ts";
import { beforeKey, readBefore } from "../../hosts/before-record.ts";
import type { HostWriter } from "../../hosts/host-shell.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import { EnvFlagSpec, setFlagBack } from "../env-flag.ts";
import { ReleaseSwitchSpec, switchBack } from "../release-switch.ts";
import type { StepDeps, StepIdentity } from "../step.ts";

const FILE_STEPS = ["release-switch", "env-flag"];

/**
 * Steps that write the files of hosts, began after the opening restart and are undone: a host that could not be reached
 * then still has what they left. Newest first, as they were undone elsewhere.
 */
export function undoneSince(identity: StepIdentity, deps: StepDeps): Entry[] {
  const entries = deps.evidence.entries();
  const since = entries.get(entryKey(identity))?.since ?? Number.POSITIVE_INFINITY;
  return [...entries.values()]
    .filter(({ phase, kind }) => phase === identity.phase && FILE_STEPS.includes(kind))
    .filter((entry) => entry.state === "undone" && entry.since > since)
    .sort((a, b) => b.since - a.since);
}

/**
 * Brings the files of a host back that the undo of these steps has left out. The host itself says so: it keeps what it had
 * before the step's first change until that is undone there, so one that was never touched, or is back, is left alone.
 * @param writer of the step that does it now: by the numbers of the undone ones the host would take it for overtaken.
 */
export async function bringBackLeft(
  host: Host,
  undone: readonly Entry[],
  { deps, writer }: { deps: StepDeps; writer: HostWriter },
): Promise<void> {
  for (const entry of undone) {
    const key = beforeKey(entry);
    if ((await readBefore(host, key, writer)) === undefined) continue;
    const work = { key, deps, writer };
    if (entry.kind === "env-flag") await setFlagBack(host, EnvFlagSpec.parse(entry.spec), work);
    else await switchBack(host, ReleaseSwitchSpec.parse(entry.spec), work);
  }
}
