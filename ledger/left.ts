import { z } from "zod";
import type { EvidenceRecord } from "./record.ts";

/** Something that an undo could not bring back, and that it left as it is: everything else goes back all the same. */
export const LeftThing = z.object({
  /** Step whose undo met it. */
  step: z.string(),
  /** What is left: `3 rows of deals.deal_type`, `NOT NULL on deals.deal_type`. Never a row's content. */
  subject: z.string(),
  /** What refused it, and how it was called: `CHECK positive_amount refuses the row`. */
  reason: z.string(),
  /** SQLSTATE, where a server refused it. */
  code: z.string().nullable(),
  /** What a person does about it before trying again. */
  remedy: z.string(),
  /** How many of them; 1 for an object. */
  count: z.int().min(1),
  /** Keys of the first of them; empty for an object. */
  keys: z.array(z.string()),
});
export type LeftThing = z.infer<typeof LeftThing>;

const LeftInResult = z.object({ left: z.array(LeftThing).optional() });

/**
 * What undos have left according to the evidence, by `phase/step`, and nobody has taken back or accepted since. The undo
 * of expand is the last word on all of its phase: it tries again what the others have left. Pure.
 */
export function leftOf(records: readonly EvidenceRecord[]): LeftThing[] {
  const left = new Map<string, LeftThing[]>();
  for (const record of records) {
    if (record.record === "event") {
      if (["target-replaced", "uninstalled", "left-accepted"].includes(record.event)) left.clear();
    } else if (record.record === "begin") {
      if (record.verb === "apply") left.delete(`${record.phase}/${record.step}`);
    } else if (record.verb === "undo" && record.outcome === "done") {
      if (record.kind === "expand")
        for (const name of left.keys()) if (isDatabase(left.get(name))) left.delete(name);
      left.set(`${record.phase}/${record.step}`, LeftInResult.safeParse(record.result).data?.left ?? []);
    }
  }
  // What the constraint's undo leaves, the migration's tries again and tells as well.
  return [...new Map([...left.values()].flat().map((thing) => [describeLeft(thing), thing])).values()];
}

/** Steps whose left things the database itself remembers: its word wins where it can be asked. */
const DATABASE_STEPS = ["expand", "migration", "constraint", "contract"];
const isDatabase = (things: readonly LeftThing[] = []) =>
  things.every(({ step }) => DATABASE_STEPS.includes(step));

/** What is left elsewhere: on hosts. Pure. */
export const leftElsewhere = (things: readonly LeftThing[]): LeftThing[] =>
  things.filter((thing) => !isDatabase([thing]));

/** How many things that are. */
export const countLeft = (things: readonly LeftThing[]): number =>
  things.reduce((sum, { count }) => sum + count, 0);

/** One thing in one line, for people. */
export function describeLeft({ step, subject, reason, code, remedy, count, keys }: LeftThing): string {
  const more = count - keys.length;
  const named =
    keys.length === 0
      ? ""
      : ` (${keys.join(", ")}${more > 0 ? `, … ${more.toLocaleString("en-US")} more` : ""})`;
  return `${step}: ${subject}${named}: ${reason}${code === null ? "" : ` (SQLSTATE ${code})`}. ${remedy}`;
}

/** The two ways on, as they are typed. */
export const leftCommands = (stack: string): string =>
  `Try again: npx rollout undo --left --stack ${stack}; or leave it so, on record: npx rollout undo --left --accept "reason" --stack ${stack}`;
