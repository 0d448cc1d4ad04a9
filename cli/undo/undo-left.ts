import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Entry, foldEntries } from "../../ledger/entries.ts";
import { countLeft, describeLeft, type LeftThing, leftCommands } from "../../ledger/left.ts";
import { takeLock } from "../../ledger/lock.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { type ChangeRecord, readChangeRecord } from "../../postgres/migration/change-record.ts";
import { readLeft, readUndoneAt } from "../../postgres/migration/left-record.ts";
import { withConnection } from "../../postgres/session.ts";
import { findStep } from "../../steps/registry.ts";
import { type RunContext, undoAgain } from "../../steps/run-step.ts";
import { makeDeps } from "../../steps/run-verb.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import type { Closing } from "../closing/closing.ts";
import { acceptLeft } from "./accept-left.ts";

/** What the verb needs from outside. */
export type UndoingLeft = Pick<Closing, "config" | "signal" | "log">;

/** What is left in the database, and whether its undo has ended. */
export interface FoundLeft {
  record: ChangeRecord;
  left: LeftThing[];
  /** The undo of all of phase 1 has ended; else only what contract left can be tried. */
  ended: boolean;
}

async function lookAtLeft({ config }: UndoingLeft): Promise<FoundLeft | undefined> {
  return withConnection({ connect: () => connect(config.databaseUrl) }, async (client) => {
    const record = await readChangeRecord(client);
    if (record?.stack !== config.stack) return undefined;
    const left = await readLeft(client, record.change);
    return { record, left, ended: (await readUndoneAt(client)) !== null };
  });
}

const entryOf = (chain: Chain, kind: string): Entry | undefined =>
  [...foldEntries(chain.records).values()].find((entry) => entry.kind === kind);

/** An undo of expand began and did not end: one of ours that was killed, where nothing else is deployed. */
function wasInterrupted(chain: Chain): boolean {
  const expand = entryOf(chain, "expand");
  const others = [...foldEntries(chain.records).values()].filter(
    ({ phase, kind, state }) => phase === expand?.phase && kind !== "expand" && state !== "undone",
  );
  const last = chain.records.findLast((record) => record.record === "begin" && record.kind === "expand");
  const undoing = last?.record === "begin" && last.verb === "undo";
  return expand?.state === "half-done" && undoing && others.length === 0;
}

function notUndone(stack: string, left: readonly LeftThing[]): StepError {
  return new StepError(
    `undo: expected the rollout to be undone before what that left is tried again, got ${countLeft(left)} left of an undo that has not ended. ` +
      `Let it end: npx rollout up --stack ${stack} at a lower phase, or npx rollout destroy --stack ${stack}. Both try them again.`,
  );
}

/** The step whose undo is tried again; undefined where none is. @throws {StepError} while its undo has not ended. */
function chooseStep(chain: Chain, stack: string, found: FoundLeft | undefined): Entry | undefined {
  if (wasInterrupted(chain)) return entryOf(chain, "expand");
  if (!found || (found.left.length === 0 && !found.ended)) return undefined;
  const onlyContract = found.left.every(({ step }) => step === "contract");
  if (!found.ended && !onlyContract) throw notUndone(stack, found.left);
  const kind = found.ended ? "expand" : "contract";
  const entry = entryOf(chain, kind);
  if (entry) return entry;
  throw new StepError(
    `undo: expected the evidence in ${chain.folder} to know of ${kind}, got nothing. Point evidence.url at the store of this rollout.`,
  );
}

async function tryAgain(
  undoing: UndoingLeft,
  entry: Entry,
  context: RunContext,
): Promise<{ lines: string[]; left: number }> {
  const { stack, migration } = undoing.config;
  const step = await findStep(entry.kind);
  // As the configuration has it now: another way with triggers or locks may be just what mends it.
  const spec = step.spec.parse({ ...entry.spec, migration });
  const { summary, left = [] } = await undoAgain(entry, spec, context);
  const count = countLeft(left);
  if (count === 0) return { lines: [summary, "nothing is left: all of it is back"], left: 0 };
  const still = `${count.toLocaleString("en-US")} still left. Mend what is named above. ${leftCommands(stack)}`;
  return { lines: [summary, ...left.map(describeLeft), still], left: count };
}

/**
 * Tries again what an undo has left, or, with a reason, ends it on record. Under the evidence's lock and the database's
 * lease; can be run again after any crash.
 * @returns what was done, one line each, and how much is still left.
 */
export async function undoLeft(
  undoing: UndoingLeft,
  accept: string | undefined,
): Promise<{ lines: string[]; left: number }> {
  const { stack, evidence, databaseUrl } = undoing.config;
  const folder = evidenceFolder(evidence.url);
  const release = takeLock(folder, "undo --left");
  const target = new TargetGuard(stack, () => connect(databaseUrl));
  try {
    const chain = Chain.open(folder);
    await target.assertKnows(chain);
    const entry = chooseStep(chain, stack, await lookAtLeft(undoing));
    if (!entry) return { lines: [`nothing is left of an undo on ${stack}`], left: 0 };
    const { signal, log } = undoing;
    const deps = makeDeps(chain, { signal, log, databaseUrl });
    // What was killed has to end first: only then is it known what is left.
    const tried =
      accept === undefined || wasInterrupted(chain)
        ? await tryAgain(undoing, entry, { chain, deps, target, findStep })
        : undefined;
    const found = accept === undefined ? undefined : await lookAtLeft(undoing);
    if (accept === undefined || !found || found.left.length === 0)
      return tried ?? { lines: [`nothing is left of an undo on ${stack}`], left: 0 };
    return { lines: await acceptLeft(undoing, chain, found, accept), left: 0 };
  } finally {
    await target.close();
    release();
  }
}
