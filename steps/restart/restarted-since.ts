import { z } from "zod";
import type { Entry } from "../../ledger/entries.ts";
import type { StepIdentity } from "../step.ts";

/** Processes of a restart's result, as far as they matter here. */
const Restarted = z.object({
  hosts: z.array(z.object({ host: z.string(), processes: z.array(z.object({ startedAt: z.string() })) })),
});

/** Since when the processes of each host run, UTC, by the newest closing restart of the phase. Pure. */
export function restartedSince(
  { phase }: Pick<StepIdentity, "phase">,
  entries: ReadonlyMap<string, Entry>,
): Map<string, string> {
  const restart = [...entries.values()].find(
    (entry) => entry.phase === phase && entry.kind === "service-restart" && entry.spec.when === "closing",
  );
  const result = restart?.state === "done" ? Restarted.safeParse(restart.result).data : undefined;
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
