import { z } from "zod";
import type { EvidenceRecord } from "../../ledger/record.ts";
import type { Status } from "./contract.ts";

const Process = z.object({ release: z.string().optional(), flag: z.boolean().nullable().optional() });
/** As a restart leaves it on the way forward, and on the way back. */
const Restarted = z.union([
  z.object({ hosts: z.array(z.object({ processes: z.array(Process) })).min(1) }),
  z.object({ processes: z.array(Process).min(1) }),
]);

/** The value if all have the same. */
function same<T>(values: readonly T[]): T | null {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? first : null;
}

/** What processes said after the newest restart that ended well, whatever became of its step since. Pure. */
export function lastProof(records: readonly EvidenceRecord[]): Status["flag"]["proven"] {
  for (const record of records.toReversed()) {
    if (record.record !== "end" || record.kind !== "service-restart" || record.outcome !== "done") continue;
    const result = Restarted.safeParse(record.result).data;
    if (!result) continue;
    const all = "hosts" in result ? result.hosts.flatMap(({ processes }) => processes) : result.processes;
    return {
      ...{ at: record.at, processes: all.length },
      value: same(all.map(({ flag = null }) => flag)),
      release: same(all.map(({ release = null }) => release)),
    };
  }
  return null;
}
