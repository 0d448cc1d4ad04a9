import { describeEvent } from "../ledger/event-text.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { runsOf, type StepRun } from "../ledger/timeline.ts";

/** Something that did not go by itself: for the people who talk about it afterwards. */
export interface Incident {
  at: string;
  kind:
    | "failed"
    | "cancelled"
    | "killed"
    | "rolled back"
    | "done again"
    | "recovered"
    | "flag switched"
    | "other";
  what: string;
  /** Names of the records that show it. */
  records: string[];
}

const EVENTS: Partial<Record<string, Incident["kind"]>> = {
  recovered: "recovered",
  "flag-switched": "flag switched",
  "target-replaced": "other",
  "backup-erased": "other",
  "host-abandoned": "other",
};

function ofRun(run: StepRun, names: ReadonlyMap<number, string>): Incident[] {
  const records = [run.begin, run.end].flatMap((number) => names.get(number ?? 0) ?? []);
  const subject = `${run.verb} of ${run.phase}/${run.step}`;
  const first = run.error?.split("\n")[0] ?? "";
  const base = { at: run.beganAt, records };
  if (run.outcome === "failed" || run.outcome === "cancelled" || run.outcome === "killed")
    return [
      { ...base, kind: run.outcome, what: first === "" ? subject : `${subject}: ${first.slice(0, 300)}` },
    ];
  if (run.verb === "undo") return [{ ...base, kind: "rolled back", what: subject }];
  // The generation rises when what a step left is not there any more, or was done anew under it.
  if (run.generation > 1)
    return [{ ...base, kind: "done again", what: `${subject}, generation ${run.generation}` }];
  return [];
}

/** Failed, cancelled and killed runs, rollbacks, steps done again (drift, or a step before them), recoveries, flips of the flag, in their order. Pure. */
export function incidentsOf(records: readonly EvidenceRecord[]): Incident[] {
  const names = new Map(records.map((record) => [record.number, recordFileName(record)]));
  const events = records.flatMap((record): Incident[] => {
    const kind = record.record === "event" ? EVENTS[record.event] : undefined;
    if (record.record !== "event" || kind === undefined) return [];
    return [{ at: record.at, kind, what: describeEvent(record), records: [recordFileName(record)] }];
  });
  return [...runsOf(records).flatMap((run) => ofRun(run, names)), ...events].sort((a, b) =>
    a.at < b.at ? -1 : 1,
  );
}
