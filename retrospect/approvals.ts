import { z } from "zod";
import { personOf } from "../ledger/author.ts";
import { describeEvent } from "../ledger/event-text.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";

/** Somebody looked at something and found it right. */
export interface Approval {
  at: string;
  who: string;
  what: string;
  record: string;
}

const Checklist = z.object({ checkedBy: z.string(), points: z.array(z.unknown()).default([]) });

/** Ticks by people, and checklists that a step's own run gave (the sandbox's), in their order. Pure. */
export function approvalsOf(records: readonly EvidenceRecord[]): Approval[] {
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
