import type { RolloutConfig } from "../../config/schema.ts";
import { type Entry, type EvidenceReader, entryKey } from "../../ledger/entries.ts";
import { DealJudge } from "../../steps/regression/regression-judge.ts";
import { SnapshotCursor } from "../../steps/snapshot/snapshot-cursor.ts";
import { findTaken } from "../../steps/snapshot/snapshot-pair.ts";

/** What a snapshot says of a deal. */
export interface SnapshotOutput {
  /** Step that took it. */
  of: string;
  startedAt: string;
  type: string | null | undefined;
  /** JSON of the answers, or of the error. */
  json: string;
  failed: boolean;
}

/** Both outputs of a deal, as far as there are any, and how the later one breaks the rules. */
export interface SnapshotOutputs {
  outputs: SnapshotOutput[];
  faults: string[];
  /** Why something is not there. */
  notes: string[];
}

async function goTo(cursor: SnapshotCursor, key: string): Promise<boolean> {
  while (cursor.advance() || (await cursor.next())) if (cursor.key === key) return true;
  return false;
}

/** Steps that took snapshots in this attempt, the earliest first. */
const snapshotSteps = (evidence: EvidenceReader): Entry[] =>
  [...evidence.entries().values()]
    .filter(({ kind, state }) => kind === "output-snapshot" && state === "done")
    .sort((a, b) => a.since - b.since);

/** Looks a deal up in every snapshot that stands, and compares the first with the last. */
export async function readSnapshotOutputs(
  key: string,
  config: RolloutConfig,
  evidence: EvidenceReader,
): Promise<SnapshotOutputs> {
  const found: { output: SnapshotOutput; cursor: SnapshotCursor }[] = [];
  const notes: string[] = [];
  const open: SnapshotCursor[] = [];
  try {
    for (const step of snapshotSteps(evidence)) {
      const { path, manifest } = findTaken(
        step,
        { evidenceUrl: config.evidence.url, stack: config.stack },
        { evidence },
      );
      const cursor = new SnapshotCursor({ path, sha256: manifest.sha256 });
      open.push(cursor);
      if (await goTo(cursor, key)) {
        const { type, json, failed } = cursor;
        found.push({
          cursor,
          output: { of: entryKey(step), startedAt: manifest.startedAt, type, json, failed },
        });
      } else notes.push(`${entryKey(step)} of ${manifest.startedAt} does not have this deal`);
    }
    const [first, last] = [found[0], found.at(-1)];
    const both = found.length > 1 && first && last && !first.cursor.failed && !last.cursor.failed;
    const { change, regression: section } = config;
    const faults =
      both && section
        ? new DealJudge({ change, section }).judge(first.cursor, last.cursor, last.cursor.type ?? null).faults
        : [];
    if (!both) notes.push("two outputs to compare are not there");
    else if (!section) notes.push("not compared: regression is not in the stack config");
    return { outputs: found.map(({ output }) => output), faults: faults.map(({ fault }) => fault), notes };
  } finally {
    await Promise.allSettled(open.map((cursor) => cursor.close()));
  }
}
