import { z } from "zod";
import { UNKNOWN } from "../../hosts/process-proof.ts";
import type { EvidenceRecord } from "../../ledger/record.ts";
import type { Status } from "./contract.ts";

const Process = z.object({
  release: z.string().optional(),
  flag: z
    .union([z.boolean(), z.literal(UNKNOWN)])
    .nullable()
    .optional(),
  by: z.enum(["health", "process"]).optional(),
  /** Of an older result: false for one that nobody asked. */
  asked: z.boolean().optional(),
});
type Process = z.infer<typeof Process>;
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

const wasAsked = ({ by, asked = true }: Process) => (by ? by === "health" : asked);

/** Null is what a process said; nothing said is unknown. */
const flagOf = (process: Process) =>
  process.flag === undefined ? (wasAsked(process) ? null : UNKNOWN) : process.flag;

/** What processes said after the newest restart that ended well, whatever became of its step since. Pure. */
export function lastProof(records: readonly EvidenceRecord[]): Status["flag"]["proven"] {
  for (const record of records.toReversed()) {
    if (record.record !== "end" || record.kind !== "service-restart" || record.outcome !== "done") continue;
    const result = Restarted.safeParse(record.result).data;
    if (!result) continue;
    const all = "hosts" in result ? result.hosts.flatMap(({ processes }) => processes) : result.processes;
    const flags = all.map(flagOf).filter((flag) => flag !== UNKNOWN);
    const releases = all.flatMap(({ release = UNKNOWN }) => (release === UNKNOWN ? [] : [release]));
    return {
      ...{ at: record.at, processes: all.length, value: same(flags), release: same(releases) },
      byHealth: all.filter(wasAsked).length,
      unknown: { flag: all.length - flags.length, release: all.length - releases.length },
    };
  }
  return null;
}
