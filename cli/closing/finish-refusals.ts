import { LAST_PHASE, phaseNames, phaseTitle } from "../../config/phase.ts";
import { type AuditOutcome, latestAudit } from "../../ledger/audits.ts";
import { type Entry, foldEntries } from "../../ledger/entries.ts";
import { type PhaseSteps, progressOf } from "../../ledger/progress.ts";
import type { EvidenceRecord } from "../../ledger/record.ts";

/** What the person said on the command line. */
export interface FinishWish {
  withoutAudit: boolean;
  reason: string;
}

function undoneLines(entries: ReadonlyMap<string, Entry>, phases: PhaseSteps): string[] {
  const { actual } = progressOf(new Map(entries), phases);
  const half = [...entries.values()].filter(({ state }) => state === "half-done");
  return [
    ...(actual === LAST_PHASE
      ? []
      : [
          `expected ${phaseTitle(LAST_PHASE)} to be done, got ${actual === null ? "no phase" : phaseTitle(actual)} done. Go on: npx rollout up`,
        ]),
    ...half.map(
      ({ phase, step }) =>
        `expected no step half-done, got ${phase}/${step}. Run: npx rollout recover, then up`,
    ),
  ];
}

/** An audit of an earlier attempt says nothing of this one: it has to have come after the last phase began. */
function auditLines(
  entries: ReadonlyMap<string, Entry>,
  records: readonly EvidenceRecord[],
  { withoutAudit, reason }: FinishWish,
): string[] {
  if (withoutAudit)
    return reason === ""
      ? ['expected a reason to finish without an audit, got none. Say it: --reason "…"']
      : [];
  const audit = latestAudit(records, lastPhaseBegan(entries));
  if (audit?.green && !audit.early) return [];
  return [
    `expected a green audit after ${phaseTitle(LAST_PHASE)}, got ${audit ? describeAudit(audit) : "none"}. ` +
      'Run: npx rollout audit; or say why not: --without-audit --reason "…"',
  ];
}

const describeAudit = ({ green, at, note }: AuditOutcome) =>
  green ? `one of ${at}, too early (audit.afterDays)` : `one of ${at} with ${note}`;

function lastPhaseBegan(entries: ReadonlyMap<string, Entry>): number {
  const last = [...entries.values()].filter(({ phase }) => phase === phaseNames[LAST_PHASE]);
  return Math.min(...last.map(({ since }) => since), Number.POSITIVE_INFINITY);
}

/** Everything that forbids to close the book, each with its remedy. Pure. */
export function finishRefusals(
  records: readonly EvidenceRecord[],
  phases: PhaseSteps,
  wish: FinishWish,
): string[] {
  const entries = foldEntries(records);
  return [...undoneLines(entries, phases), ...auditLines(entries, records, wish)];
}

/** Why it may be closed, for the evidence. Pure. */
export function finishReason(
  records: readonly EvidenceRecord[],
  { withoutAudit, reason }: FinishWish,
): string {
  const audit = withoutAudit ? undefined : latestAudit(records, lastPhaseBegan(foldEntries(records)));
  const said = audit ? `green audit of ${audit.at}` : "without audit";
  return reason === "" ? said : `${said}: ${reason}`;
}
