import { runsThere, staysThere, timersOf } from "../../audit/installed-timer.ts";
import type { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { resultOf } from "../../steps/recorded.ts";
import { scheduledAudit } from "../../steps/scheduled-audit.ts";

/**
 * The audit's timers are no part of the target: each stays on the machine that was to run it, and audits once more if its
 * day has not come. One line each, with what takes it off. Pure.
 */
export function auditTimers(chain: Pick<Chain, "records">): string[] {
  return [...foldEntries(chain.records).values()]
    .filter(({ kind, state }) => kind === scheduledAudit.name && state !== "undone")
    .flatMap((entry) => timersOf(resultOf(scheduledAudit, entry)))
    .filter(runsThere)
    .map(staysThere);
}
