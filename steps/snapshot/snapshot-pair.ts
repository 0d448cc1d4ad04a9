import { statSync } from "node:fs";
import { z } from "zod";
import { OutputsSection } from "../../config/outputs.ts";
import { StepError } from "../../errors/step-error.ts";
import { entryKey } from "../../ledger/entries.ts";
import { shownPath } from "../../postgres/backup/dump-store.ts";
import { Change } from "../../postgres/migration/change.ts";
import type { BaseSpec, StepDeps, StepIdentity } from "../step.ts";
import { takeAgain } from "./snapshot-again.ts";
import { finalPath, listSnapshots, type SnapshotManifest, snapshotFolder } from "./snapshot-store.ts";

/** Step that took a snapshot. */
export const SnapshotReference = z.strictObject({ phase: z.string().min(1), step: z.string().min(1) });
export type SnapshotReference = z.infer<typeof SnapshotReference>;

/** A snapshot that stands in the evidence, and its file. */
export interface TakenSnapshot {
  path: string;
  manifest: SnapshotManifest;
  /** What was asked of whom, the release left out: two snapshots of other questions can't be compared. */
  questions: string;
}

/** What of a snapshot step's spec and result matters here. */
const Taken = z.object({
  spec: z.object({ change: Change, outputs: OutputsSection }),
  result: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
});

function questionsOf({ change, outputs }: z.infer<typeof Taken>["spec"]): string {
  const { schema, table, key } = change;
  const { requests, command = null } = outputs;
  return JSON.stringify({ schema, table, key, requests: command ? null : requests, command });
}

const nameOf = ({ phase, step }: SnapshotReference) => `${phase}/${step}`;

/**
 * The snapshot that the evidence says a step has taken in this attempt.
 * @throws {StepError} when there is none, or its file is not the one.
 */
export function findTaken(
  reference: SnapshotReference,
  { stack, evidenceUrl }: Pick<StepIdentity, "stack" | "evidenceUrl">,
  { evidence }: Pick<StepDeps, "evidence">,
): TakenSnapshot {
  const entries = evidence.entries();
  const again = takeAgain(reference, stack, entries);
  const entry = entries.get(entryKey(reference));
  const taken =
    entry?.state === "done" ? Taken.safeParse({ spec: entry.doneSpec, result: entry.result }) : undefined;
  if (!taken?.success) {
    const got = taken ? "one that this release can't read" : (entry?.state ?? "never run");
    throw new StepError(
      `regression: expected a snapshot by ${nameOf(reference)}, got ${got}. ${again ? `To take it, ${again}.` : "Run `up` at its phase first."}`,
    );
  }
  const { spec, result } = taken.data;
  const folder = snapshotFolder(evidenceUrl);
  const stored = listSnapshots(folder).find(
    ({ manifest: { state, stack: owner, sha256, phase, step } }) =>
      state === "done" &&
      owner === stack &&
      sha256 === result.sha256 &&
      phase === reference.phase &&
      step === reference.step,
  );
  const expected = `the file of ${nameOf(reference)} (SHA-256 ${result.sha256.slice(0, 12)}…) in ${shownPath(folder)}`;
  const remedy = `Restore it from a copy of the evidence${again ? `; else to take it again, ${again}` : ""}.`;
  if (!stored) throw new StepError(`regression: expected ${expected}, got none. ${remedy}`);
  const path = finalPath(stored);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size !== stored.manifest.bytes) {
    const got = size === undefined ? "no such file" : `${size} bytes instead of ${stored.manifest.bytes}`;
    throw new StepError(`regression: expected ${expected}, got ${got}. ${remedy}`);
  }
  return { path, manifest: stored.manifest, questions: questionsOf(spec) };
}

/** Both snapshots. @throws {StepError} when one is missing, or they are answers to different questions. */
export function findPair(
  spec: BaseSpec & { pre: SnapshotReference; post: SnapshotReference; change: Change },
  deps: Pick<StepDeps, "evidence">,
): { pre: TakenSnapshot; post: TakenSnapshot } {
  const [pre, post] = [findTaken(spec.pre, spec.identity, deps), findTaken(spec.post, spec.identity, deps)];
  if (post.manifest.columns === undefined) {
    const again = takeAgain(spec.post, spec.identity.stack, deps.evidence.entries());
    throw new StepError(
      `regression: expected ${nameOf(spec.post)} to hold the type of each deal, got one of an older release of this program. ` +
        `Take it again by this one: ${again ?? "remove the file and run `up`"}.`,
    );
  }
  if (pre.questions === post.questions) return { pre, post };
  throw new StepError(
    `regression: expected ${nameOf(spec.pre)} and ${nameOf(spec.post)} to ask the same of the same table, got other questions. ` +
      "Put outputs back to what they were in phase 0, then run `up` again.",
  );
}
