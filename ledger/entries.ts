import { type Finished, finishedBy } from "./finished.ts";
import { type BeginRecord, type EndRecord, type EventRecord, type EvidenceRecord, hashOf } from "./record.ts";

/** What the evidence says of one step now. */
export interface Entry {
  phase: string;
  step: string;
  kind: string;
  /**
   * `done`: applied, proven, not undone. `half-done`: an apply or undo began and did not finish.
   * `undone`: nothing of it is left.
   */
  state: "done" | "half-done" | "undone";
  /** Number of the first begin since it was last undone: the order in which steps are unwound. */
  since: number;
  /** Number of the last begin, of an apply or an undo: hosts keep the highest they saw and refuse a lower one. */
  begun: number;
  /** Highest generation that ever began: the next one is one more. */
  generation: number;
  /** Digest of spec and generation of the last apply that began. */
  digest: string;
  /** Spec of the last apply that began. */
  spec: Record<string, unknown>;
  /** Spec of the last apply that finished: what Pulumi's state still holds when a later repair failed. */
  doneSpec?: Record<string, unknown>;
  /** What the last finished apply returned; kept after a failed repair, gone after an undo. */
  result?: Record<string, unknown>;
  /** When the last apply finished, UTC. */
  doneAt?: string;
  /** Number of the record that says so: tells whether the step was done again. */
  doneNumber?: number;
  /** The book was closed since: what the step left stays, and its undo does nothing. */
  finished?: Finished;
}

function beginApply(entry: Entry | undefined, record: BeginRecord): Entry {
  const again = entry !== undefined && entry.state !== "undone";
  return {
    phase: record.phase,
    step: record.step,
    kind: record.kind,
    state: "half-done",
    since: again ? entry.since : record.number,
    begun: record.number,
    generation: Math.max(record.generation, entry?.generation ?? 0),
    digest: record.digest,
    spec: record.spec,
    ...(again && entry.result ? { result: entry.result } : {}),
    ...(again && entry.doneSpec ? { doneSpec: entry.doneSpec } : {}),
    ...(again && entry.finished ? { finished: entry.finished } : {}),
  };
}

function close(entry: Entry, record: EndRecord): Entry {
  if (record.outcome !== "done") return entry;
  if (record.verb === "undo") {
    const { result: _, doneAt: __, doneNumber: ___, doneSpec: ____, ...rest } = entry;
    return { ...rest, state: "undone" };
  }
  const done = { doneAt: record.at, doneNumber: record.number, doneSpec: entry.spec };
  return { ...entry, state: "done", ...done, ...(record.result ? { result: record.result } : {}) };
}

/** Name of an entry in the map: a step's name is unique within its phase only. */
export function entryKey({ phase, step }: { phase: string; step: string }): string {
  return `${phase}/${step}`;
}

function applyEvent(entries: Map<string, Entry>, record: EventRecord): void {
  if (record.event === "target-replaced")
    for (const [key, { doneSpec: _, ...entry }] of entries) entries.set(key, { ...entry, state: "undone" });
  if (record.event === "finished")
    for (const [key, entry] of entries)
      if (entry.state !== "undone") entries.set(key, { ...entry, finished: finishedBy(record) });
}

/** Folds the records, in order, into what holds now, by `phase/step`. Pure. */
export function foldEntries(records: readonly EvidenceRecord[]): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const record of records) {
    if (record.record === "event") {
      applyEvent(entries, record);
      continue;
    }
    const key = entryKey(record);
    const entry = entries.get(key);
    if (record.record === "begin") {
      if (record.verb === "apply") entries.set(key, beginApply(entry, record));
      else if (entry) entries.set(key, { ...entry, state: "half-done", begun: record.number });
    } else if (entry) {
      entries.set(key, close(entry, record));
    }
  }
  return entries;
}

/** Read-only view of the evidence: what a step needs of the others' results, which are in no spec. */
export interface EvidenceReader {
  /** What holds now of every step, by `phase/step`; the asking step's own entry is half-done while it applies. */
  entries(): ReadonlyMap<string, Entry>;
  /** All records in order. */
  records(): readonly EvidenceRecord[];
}

/**
 * Whether the entry's step is done with just this spec: what is looked at before it runs, and what is in its way, need not
 * be looked at again. With another spec it is to run anew. A type guard: the entry is there then.
 */
export function isDoneWith(entry: Entry | undefined, spec: object): entry is Entry {
  return entry?.state === "done" && entry.digest === hashOf(spec);
}

/** A view of records, also of those that are added later. Records are only ever added: their number tells of a new one. */
export function evidenceOf(records: readonly EvidenceRecord[]): EvidenceReader {
  let folded = { count: -1, entries: new Map<string, Entry>() };
  const entries = () => {
    if (folded.count !== records.length) folded = { count: records.length, entries: foldEntries(records) };
    return folded.entries;
  };
  return { entries, records: () => records };
}

/** Entries of the same phase that began after `target` and are not undone, newest first. */
export function startedAfter(entries: Map<string, Entry>, target: Entry): Entry[] {
  return [...entries.values()]
    .filter((entry) => entry.phase === target.phase && entry.state !== "undone" && entry.since > target.since)
    .sort((a, b) => b.since - a.since);
}
