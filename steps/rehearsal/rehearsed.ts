import { z } from "zod";
import type { EvidenceReader } from "../../ledger/entries.ts";
import { hashOf } from "../../ledger/record.ts";
import type { ChangeStepSpec } from "../migration/change-spec.ts";

/** What is read of a rehearsal's result; whichever release wrote it. */
const Rehearsed = z.object({
  rows: z.number().min(1),
  changedRows: z.number().min(0),
  scale: z.number().positive(),
  parts: z.array(
    z.object({
      step: z.string(),
      verb: z.enum(["apply", "undo"]),
      round: z.number(),
      seconds: z.number().min(0),
      locks: z.array(z.object({ mode: z.string(), times: z.number(), longestMs: z.number() })),
      writerWaitMs: z.number().min(0),
    }),
  ),
});
type Rehearsed = z.infer<typeof Rehearsed>;

/** How long a step is expected to take, and how that is known. */
export interface Expected {
  estimateSeconds: number;
  estimateSource: "measured in rehearsal" | "estimated";
  /** Locks as they were held in the rehearsal; empty without one. */
  locks: string[];
}

/** The rehearsal of this attempt; undefined when there is none, or it was one of another change or other settings. */
function findRehearsal(
  { identity, change, migration }: ChangeStepSpec,
  evidence: EvidenceReader,
): Rehearsed | undefined {
  const entry = [...evidence.entries().values()].find(
    ({ phase, kind, state }) => phase === identity.phase && kind === "rehearsal" && state === "done",
  );
  const same =
    hashOf({ change: entry?.spec.change, migration: entry?.spec.migration }) ===
    hashOf({ change, migration });
  // An empty table tells nothing of a full one.
  return entry && same ? Rehearsed.safeParse(entry.result).data : undefined;
}

/** Time grows with the rows. Whole seconds, one at least. Pure. */
export function scaleSeconds(seconds: number, ratio: number): number {
  return Math.max(1, Math.ceil(seconds * ratio));
}

const showTimes = (times: number) => (times === 1 ? "once" : `${times.toLocaleString("en-US")} times`);

function lockLine({ rows }: Rehearsed, { locks, writerWaitMs }: Rehearsed["parts"][number]): string {
  const held = locks.map(
    ({ mode, times, longestMs }) => `${mode} ${showTimes(times)}, ${longestMs} ms at the longest`,
  );
  return (
    `in rehearsal, on ${rows.toLocaleString("en-US")} rows: ${held.join("; ") || "no lock on the table"}; ` +
    `no writer waited longer than ${writerWaitMs} ms`
  );
}

/**
 * What applying a step of phase 1 takes: the time of the rehearsal scaled by the table's size, else `constant`.
 * @param rows of the table now; 0 or less when they are not known: then as it was at the rehearsal.
 */
export function expectApply(
  step: string,
  spec: ChangeStepSpec,
  evidence: EvidenceReader,
  { rows, constant }: { rows: number; constant: number },
): Expected {
  const rehearsed = findRehearsal(spec, evidence);
  const part = rehearsed?.parts.find((one) => one.step === step && one.verb === "apply" && one.round === 1);
  if (!rehearsed || !part) return { estimateSeconds: constant, estimateSource: "estimated", locks: [] };
  const ratio = rows > 0 ? rows / rehearsed.rows : rehearsed.scale;
  return {
    estimateSeconds: scaleSeconds(part.seconds, ratio),
    estimateSource: "measured in rehearsal",
    locks: [lockLine(rehearsed, part)],
  };
}

/** In words, what giving `rows` rows their originals back takes: scaled by the rows, else `constant`. */
export function expectRestore(
  spec: ChangeStepSpec,
  evidence: EvidenceReader,
  { rows, constant }: { rows: number; constant: number },
): string {
  const rehearsed = findRehearsal(spec, evidence);
  const part = rehearsed?.parts.find(({ step, verb }) => step === "migration" && verb === "undo");
  if (!rehearsed || !part || rehearsed.changedRows === 0) return `about ${constant} s`;
  return `about ${scaleSeconds(part.seconds, rows / rehearsed.changedRows)} s, measured in rehearsal`;
}
