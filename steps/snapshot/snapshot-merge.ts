import { StepError } from "../../errors/step-error.ts";
import type { KeyOrder } from "../../postgres/deals/key-order.ts";
import type { SnapshotCursor } from "./snapshot-cursor.ts";

/** What is done with each deal of two snapshots. The cursors stand on it, and only until it returns. */
export interface MergeVisitor {
  /** In both. */
  both(): void;
  /** In the earlier one alone. */
  missing(): void;
  /** In the later one alone. */
  extra(): void;
  /** Work to be waited for before the next deal, if there is any. */
  pending(): Promise<void> | undefined;
}

/** Two neighbours in a file, where telling their order takes no question to the database. */
function refuseDisorder(before: string, { key, path, count }: SnapshotCursor, order: KeyOrder): void {
  if (count === 1) return;
  if (before !== key && (!order.local || (order.compare(before, key) as number) < 0)) return;
  throw new StepError(
    `snapshot: expected each deal once and in the order of the keys in ${path}, got ${key} after ${before}. Take it again.`,
  );
}

/** Goes on to the next deal of a file. Waits only for the disk: a promise for every deal would take longer than the rest. */
function goOn(cursor: SnapshotCursor, order: KeyOrder): boolean | Promise<boolean> {
  const before = cursor.key;
  if (!cursor.advance()) return waitFor(cursor, before, order);
  refuseDisorder(before, cursor, order);
  return true;
}

async function waitFor(cursor: SnapshotCursor, before: string, order: KeyOrder): Promise<boolean> {
  const more = await cursor.next();
  if (more) refuseDisorder(before, cursor, order);
  return more;
}

/**
 * Walks two snapshots side by side in the order of their keys, each read once.
 * @throws {StepError} when one of them is not as it was kept.
 */
export async function mergeSnapshots(
  earlier: SnapshotCursor,
  later: SnapshotCursor,
  order: KeyOrder,
  visitor: MergeVisitor,
): Promise<void> {
  let [a, b]: (boolean | Promise<boolean>)[] = [await goOn(earlier, order), await goOn(later, order)];
  while (a || b) {
    let side = a ? -1 : 1;
    if (a && b) side = earlier.key === later.key ? 0 : await order.compare(earlier.key, later.key);
    if (side === 0) visitor.both();
    else if (side < 0) visitor.missing();
    else visitor.extra();
    const work = visitor.pending();
    if (work) await work;
    if (side <= 0) a = goOn(earlier, order);
    if (side >= 0) b = goOn(later, order);
    if (typeof a !== "boolean") a = await a;
    if (typeof b !== "boolean") b = await b;
  }
}
