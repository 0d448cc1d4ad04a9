import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { describeEvent } from "../ledger/record-text.ts";
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

const isUndone = ({ verb, outcome }: StepRun) => verb === "undo" && outcome === "done";

/** Undos of one phase that follow each other are one way back, and one thing to talk about. Pure. */
function joinWaysBack(runs: readonly StepRun[]): StepRun[][] {
  const joined: StepRun[][] = [];
  for (const run of runs) {
    const [before] = joined.at(-1) ?? [];
    if (before && isUndone(before) && isUndone(run) && before.phase === run.phase) joined.at(-1)?.push(run);
    else joined.push([run]);
  }
  return joined;
}

/** Runs of a step whose last one was its undo: they begin a new attempt, and do nothing again. Pure. */
function findAnew(runs: readonly StepRun[]): Set<StepRun> {
  const undone = new Set<string>();
  const anew = new Set<StepRun>();
  for (const run of runs) {
    const key = `${run.phase}/${run.step}`;
    if (isUndone(run)) undone.add(key);
    else if (undone.delete(key)) anew.add(run);
  }
  return anew;
}

function ofWayBack(runs: readonly StepRun[], names: ReadonlyMap<number, string>): Incident {
  const [first, last] = [runs[0] as StepRun, runs.at(-1) as StepRun];
  const records = [first.begin, last.end].flatMap((number) => names.get(number ?? 0) ?? []);
  const what = `${runs.length} steps of ${first.phase} undone, ${first.step} to ${last.step}`;
  return { at: first.beganAt, kind: "rolled back", what, records };
}

/** @param anew it begins a new attempt after an undo. */
function ofRun(run: StepRun, anew: boolean, names: ReadonlyMap<number, string>): Incident[] {
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
  if (run.generation > 1 && !anew)
    return [{ ...base, kind: "done again", what: `${subject}, generation ${run.generation}` }];
  return [];
}

/** Failed, cancelled and killed runs, ways back, steps done again (drift, or a step before them), recoveries, flips of the flag, in their order. Pure. */
export function incidentsOf(records: readonly EvidenceRecord[]): Incident[] {
  const names = new Map(records.map((record) => [record.number, recordFileName(record)]));
  const events = records.flatMap((record): Incident[] => {
    const kind = record.record === "event" ? EVENTS[record.event] : undefined;
    if (record.record !== "event" || kind === undefined) return [];
    return [{ at: record.at, kind, what: describeEvent(record), records: [recordFileName(record)] }];
  });
  const runs = runsOf(records);
  const anew = findAnew(runs);
  const told = joinWaysBack(runs).flatMap((joined) =>
    joined.length > 1
      ? [ofWayBack(joined, names)]
      : joined.flatMap((run) => ofRun(run, anew.has(run), names)),
  );
  return [...told, ...events].sort((a, b) => (a.at < b.at ? -1 : 1));
}
