import type { KeyOrder } from "../../postgres/deals/key-order.ts";
import type { Progress } from "../../system/progress.ts";
import { SnapshotCursor, type SnapshotFile } from "../snapshot/snapshot-cursor.ts";
import { type MergeVisitor, mergeSnapshots } from "../snapshot/snapshot-merge.ts";
import type { Finding } from "./regression-finding.ts";
import { DealJudge, type JudgeOptions } from "./regression-judge.ts";
import type { Suspect } from "./regression-settle.ts";
import { RegressionTally } from "./regression-tally.ts";

/** Suspects that are settled together: one question to the database for all of them. */
const BATCH = 1000;
/** Deals between two looks at the clock and at what cancels. */
const LOOK_EVERY = 4096;

/** What a comparison of two snapshots needs. */
export interface ComparisonRun extends JudgeOptions {
  pre: SnapshotFile;
  post: SnapshotFile;
  order: KeyOrder;
  signal: AbortSignal;
  /** Tells regressions from what users did. */
  settle(suspects: readonly Suspect[]): Promise<readonly Finding[]>;
  /** Takes what was found, in the order of the keys. */
  take(findings: readonly Finding[]): Promise<void>;
  /** Is told now and then how many more deals were read. */
  progress?: Progress;
}

const rowOf = ({ type, row }: SnapshotCursor) => ({ type, row });

/** Judges deal by deal; what is not as it was is settled in batches. */
class Comparison implements MergeVisitor {
  readonly tally = new RegressionTally();
  readonly earlier: SnapshotCursor;
  readonly later: SnapshotCursor;
  readonly #run: ComparisonRun;
  readonly #judge: DealJudge;
  #suspects: Suspect[] = [];
  #deals = 0;

  constructor(run: ComparisonRun) {
    this.#run = run;
    this.#judge = new DealJudge(run);
    this.earlier = new SnapshotCursor(run.pre);
    this.later = new SnapshotCursor(run.post);
  }

  both(): void {
    const { earlier, later, tally } = this;
    if (earlier.failed && later.failed) tally.count("unanswered");
    else if (later.failed) this.#suspect("failing", true, true);
    else if (earlier.failed) this.#mended();
    else {
      const type = later.type ?? null;
      const { faults, exact } = this.#judge.judge(earlier, later, type);
      tally.compare(type, exact);
      if (faults.length > 0) this.#suspect("different", true, true, faults);
    }
  }

  missing(): void {
    this.#suspect("missing", true, false);
  }

  extra(): void {
    if (this.later.failed) this.#suspect("failing", false, true);
    else this.#suspect("extra", false, true, this.#judge.judgeAlone(this.later, this.later.type ?? null));
  }

  pending(): Promise<void> | undefined {
    this.#deals += 1;
    if (this.#deals % LOOK_EVERY === 0) {
      this.#run.signal.throwIfAborted();
      this.#run.progress?.add(LOOK_EVERY);
    }
    return this.#suspects.length >= BATCH ? this.settle() : undefined;
  }

  async settle(): Promise<void> {
    const found = await this.#run.settle(this.#suspects);
    this.#suspects = [];
    for (const finding of found) this.tally.add(finding);
    await this.#run.take(found.filter((finding) => finding.class !== "created"));
  }

  #mended(): void {
    this.tally.count("mended");
    const faults = this.#judge.judgeAlone(this.later, this.later.type ?? null);
    if (faults.length > 0) this.#suspect("different", true, true, faults);
  }

  #suspect(what: Suspect["class"], before: boolean, now: boolean, faults: Suspect["faults"] = []): void {
    this.#suspects.push({
      key: (now ? this.later : this.earlier).key,
      class: what,
      faults,
      ...(before ? { before: rowOf(this.earlier) } : {}),
      ...(now ? { now: rowOf(this.later) } : {}),
    });
  }
}

/**
 * Compares two snapshots deal by deal, each file read once. What it found counts only when it returns: then both files
 * were, to the last byte, those that were kept. @throws {StepError} when they were not.
 */
export async function compareSnapshots(run: ComparisonRun): Promise<RegressionTally> {
  const comparison = new Comparison(run);
  try {
    await mergeSnapshots(comparison.earlier, comparison.later, run.order, comparison);
    await comparison.settle();
    return comparison.tally;
  } finally {
    await Promise.allSettled([comparison.earlier.close(), comparison.later.close()]);
  }
}
