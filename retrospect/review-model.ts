import { z } from "zod";
import type { PlanSection } from "../config/plan.ts";
import { latestAudit, validatedAt } from "../ledger/audits.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { describeEvent, personOf } from "../ledger/record-text.ts";
import { type PhaseSpan, phaseSpans, runsOf } from "../ledger/timeline.ts";
import { type Criterion, judgeCriteria } from "./criteria.ts";
import { type Incident, incidentsOf } from "./incidents.ts";
import { type PlannedPhase, planAgainstActual } from "./schedule.ts";

/** Somebody looked at something and found it right. */
interface Approval {
  at: string;
  who: string;
  what: string;
  record: string;
}

/** Everything that the review page says. */
export interface ReviewModel {
  stack: string;
  environment: string;
  /** `schema.table.column`. */
  subject: string;
  /** Times of the first and the last record, and how many there are. */
  from: string;
  to: string;
  records: number;
  phases: PlannedPhase[];
  criteria: Criterion[];
  incidents: Incident[];
  approvals: Approval[];
  /** What the newest audit came to; undefined while there was none. */
  audit: { at: string; note: string } | undefined;
  /** What people wrote, as they wrote it. */
  lessons: string;
  /** From the page to the evidence folder. */
  evidence: string;
}

export interface ReviewSource
  extends Pick<ReviewModel, "stack" | "environment" | "subject" | "lessons" | "evidence"> {
  records: readonly EvidenceRecord[];
  plan: PlanSection;
}

const Checklist = z.object({ checkedBy: z.string(), points: z.array(z.unknown()).default([]) });

/** Ticks by people, and checklists that a step's own run gave (the sandbox's), in their order. Pure. */
function approvalsOf(records: readonly EvidenceRecord[]): Approval[] {
  return records.flatMap((record): Approval[] => {
    const base = { at: record.at, record: recordFileName(record) };
    if (record.record === "event" && record.event === "point-checked")
      return [{ ...base, who: personOf(record), what: describeEvent(record) }];
    if (record.record !== "end" || record.outcome !== "done" || record.verb !== "apply") return [];
    const checklist = Checklist.safeParse(record.result).data;
    if (!checklist) return [];
    const { checkedBy, points } = checklist;
    return [
      {
        ...base,
        who: checkedBy,
        what: `${points.length} points of ${record.phase}/${record.step}, all at once`,
      },
    ];
  });
}

/** Pure. */
export function reviewModel({ records, plan, ...source }: ReviewSource): ReviewModel {
  const spans: PhaseSpan[] = phaseSpans(runsOf(records));
  const audit = latestAudit(records, validatedAt(records)?.number ?? records.length);
  return {
    ...source,
    ...{ from: records.at(0)?.at ?? "", to: records.at(-1)?.at ?? "", records: records.length },
    phases: planAgainstActual(plan, spans),
    criteria: judgeCriteria(records, source.environment),
    incidents: incidentsOf(records),
    approvals: approvalsOf(records),
    audit: audit && { at: audit.at, note: audit.note },
  };
}

/** What people find when they are to write down what they learnt. */
export const LESSONS_TEMPLATE = `# Lessons learned

<!-- Written by people, never written over by the rollout. \`up\` puts it into the review page. -->

Date of the review:

Attendees:

## What went well


## What did not


## What we will do differently (who, until when)

`;
