import type { Entry } from "../../ledger/entries.ts";
import { resultOf } from "../recorded.ts";
import type { StepIdentity } from "../step.ts";
import { RestartRecord } from "./restart-record.ts";

/** Since when the processes of each host run, UTC, by the newest closing restart of the phase. Pure. */
export function restartedSince(
  { phase }: Pick<StepIdentity, "phase">,
  entries: ReadonlyMap<string, Entry>,
): Map<string, string> {
  const restart = [...entries.values()].find(
    (entry) => entry.phase === phase && entry.kind === "service-restart" && entry.spec.when === "closing",
  );
  const result = restart?.state === "done" ? resultOf({ result: RestartRecord }, restart) : undefined;
  return new Map(
    (result?.hosts ?? []).flatMap(({ host, processes }) => {
      const [first] = processes
        .map(({ startedAt }) => startedAt)
        .filter((startedAt) => startedAt !== "")
        .sort((a, b) => Date.parse(a) - Date.parse(b));
      return first === undefined ? [] : [[host, first]];
    }),
  );
}
