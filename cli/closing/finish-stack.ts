import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { type Finished, finishedOf } from "../../ledger/finished.ts";
import { takeLock } from "../../ledger/lock.ts";
import { knownReleases } from "../../ledger/own-releases.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { auditTimers } from "./audit-timers.ts";
import { attempt, type Closing, requireAll } from "./closing.ts";
import { clearDatabase, databaseNotes, databasePlan } from "./database-traces.ts";
import { type FinishWish, finishReason, finishRefusals } from "./finish-refusals.ts";
import { clearHosts, releasePlan } from "./host-traces.ts";
import { lookAround } from "./look-around.ts";

function refuse(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new StepError(`finish: nothing was changed.\n  - ${reasons.join("\n  - ")}`);
}

const CONSEQUENCES = [
  "from then on nothing is undone: `destroy` takes the stack apart and leaves data, constraint and release as they are,",
  "  and a lower phase is refused; old-style writes stay refused by the constraint",
];

/** The event comes first: from it on no undo touches what is being dropped, wherever this is killed. */
function closeBook(chain: Chain, wish: FinishWish, note: string): number {
  const reason = finishReason(chain.records, wish);
  return chain.append({ record: "event", event: "finished", reason, note }).number;
}

async function mayFinish(closing: Closing, chain: Chain, wish: FinishWish): Promise<Finished | undefined> {
  const finished = finishedOf(foldEntries(chain.records));
  if (finished) return finished;
  refuse(finishRefusals(chain.records, closing.phases, wish));
  refuse(await closing.findDifferences(chain));
  return undefined;
}

/**
 * Closes the book: drops what only the way back needs. Can be run again after any crash, and then drops what is left.
 * @returns what was done, one line each.
 * @throws {StepError} before anything is changed while the rollout is not through, or something cannot be reached;
 * later naming what is left.
 */
export async function finishStack(closing: Closing, wish: FinishWish): Promise<string[]> {
  const { stack, evidence } = closing.config;
  const folder = evidenceFolder(evidence.url);
  const release = takeLock(folder, "finish");
  try {
    const chain = Chain.open(folder);
    const finished = await mayFinish(closing, chain, wish);
    const known = knownReleases(chain.records);
    const { database: traces, hosts, faults } = await lookAround(closing, () => known);
    // What is not seen cannot be confirmed.
    refuse(faults);
    const goes = [...(traces ? databasePlan(traces) : []), ...releasePlan(hosts)];
    const notes = traces ? databaseNotes(traces) : [];
    const timers = auditTimers(chain);
    if (finished && goes.length === 0)
      return [
        `finished on ${finished.at} by ${finished.by} (${finished.reason}): nothing is left to drop`,
        ...timers,
      ];
    closing.print([...goes, ...notes, ...timers, ...CONSEQUENCES]);
    await closing.confirm();
    const token = finished?.number ?? closeBook(chain, wish, goes.join("; "));
    const database = await attempt("database", () => clearDatabase(closing, "finish", folder));
    const outcomes = [database, ...(await clearHosts(closing, hosts, { token, folder: false }))];
    return [...requireAll(outcomes, { verb: "finish", stack }), ...timers];
  } finally {
    release();
  }
}
