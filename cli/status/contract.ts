import { z } from "zod";
import { LeftThing } from "../../ledger/left.ts";

const Count = z.int().min(0);
const Phase = z.int().min(0).max(4);

/** One process of the application, as it speaks of itself at its health address, or as the host sees it. */
const WorkerStatus = z.strictObject({
  host: z.string(),
  unit: z.string(),
  pid: z.int().min(1),
  /** UTC, ISO 8601; empty where nobody says it. */
  startedAt: z.string(),
  /** Commit SHA that the process runs; `unknown`, see below. */
  release: z.string(),
  /** The flag as this process sees it; null: it does not know the flag, or `unknown` has it. */
  value: z.boolean().nullable(),
  /** `health`: the process says it itself. `process`: the host's look at it, a weaker proof. */
  by: z.enum(["health", "process"]),
  /** What could not be told of it. */
  unknown: z.array(z.enum(["release", "flag"])),
  /** Why it was not asked, or something is unknown; null: neither. */
  reason: z.string().nullable(),
});

/**
 * What `rollout status --json` prints, version 1. Fields may be added within a version; none changes or goes away.
 * Null = could not be told; `errors` then says why.
 */
export const StatusContract = z.object({
  version: z.literal(1),
  stack: z.string(),
  environment: z.enum(["sandbox", "staging", "production"]).nullable(),
  /** False when the configuration is faulty or can't be read: `up` refuses, and what follows is what could still be told. */
  configValid: z.boolean(),
  phase: z.object({
    /** The phase in the configuration; null when it can't be told. */
    wanted: Phase.nullable(),
    /** Highest phase whose steps are all done and not undone; null before phase 0 and after destroy. */
    actual: Phase.nullable(),
  }),
  /** The book is closed: since when (UTC), by whom and why. Null while everything can be undone. */
  finished: z.object({ at: z.string(), by: z.string(), reason: z.string() }).nullable(),
  /** What `up` would do now. */
  mode: z.enum(["advance", "hold", "flag", "lower"]).nullable(),
  rows: z
    .object({
      total: Count,
      /** Rows whose column is NULL. */
      null: Count,
      /** Rows outside `change.allowed`, NULL included: what keeps the constraint from holding. */
      invalid: Count,
      /** Of these, what no rule of `change.normalise` maps: what keeps phase 1 from starting. */
      unmapped: Count,
      /** Rows by value; NULL is not in here. */
      byType: z.record(z.string(), Count),
    })
    .nullable(),
  constraint: z.object({ present: z.boolean(), validated: z.boolean(), notNull: z.boolean() }).nullable(),
  /** Writers stopped for the migration, or left so by a run that was killed: since when (UTC), what starts them. */
  maintenance: z.object({ since: z.string(), start: z.array(z.string()) }).nullable(),
  flag: z.object({
    wanted: z.boolean().nullable(),
    workers: z.array(WorkerStatus),
    /** What was proven by the last restart that ended well, by the evidence; null when there was none. */
    proven: z
      .object({
        at: z.string(),
        processes: Count,
        /** Of those of whom it is known. Null: they know none, or it is not the same to all. */
        value: z.boolean().nullable(),
        /** Commit SHA of those of whom it is known; null: not told, or not the same for all. */
        release: z.string().nullable(),
        /** How many said it themselves; the others were looked at by the host, which is weaker. */
        byHealth: Count,
        /** Of how many the flag, or the release, is not known. */
        unknown: z.object({ flag: Count, release: Count }),
      })
      .nullable(),
  }),
  backup: z
    .object({
      path: z.string(),
      sha256: z.string(),
      /** When the backup was restored and compared, UTC; null: not proven yet. */
      provenAt: z.string().nullable(),
      /** What that restore left out, with the reason: no row of it was compared. */
      notProven: z.array(z.object({ object: z.string(), reason: z.string() })),
    })
    .nullable(),
  /**
   * What undos could not bring back, and left as it is; rows of one reason are one thing. Of the database while it can be
   * asked, else by the evidence. No new rollout begins until it is empty: `rollout undo --left`.
   */
  left: z.array(LeftThing),
  drift: z.array(z.object({ step: z.string(), expected: z.string(), observed: z.string() })),
  /** Gate N is the exit of phase N. */
  gates: z.array(
    z.object({
      phase: Phase,
      met: z.boolean(),
      missing: z.array(z.string()),
      /** What the gate takes in spite of it: what a proof left out. */
      accepted: z.array(z.string()),
      /** Nobody could look: it is what the evidence says. */
      recorded: z.boolean(),
    }),
  ),
  /** Why something above is null or absent, one complete line each. */
  errors: z.array(z.string()),
});
export type Status = z.infer<typeof StatusContract>;
export type WorkerStatus = z.infer<typeof WorkerStatus>;
