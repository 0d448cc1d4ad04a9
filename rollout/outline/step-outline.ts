import type { RolloutConfig } from "../../config/schema.ts";
import { guard } from "../../steps/guard.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { retention } from "../../steps/retention.ts";
import type { Step } from "../../steps/step.ts";

/**
 * A step before the stack is known: its name in its phase, its kind, and the fields of its spec, which may depend on
 * what else the phase consists of.
 */
export interface StepOutline {
  name: string;
  step: Step;
  /** Longest run time in seconds: generous, it is there for what hangs. */
  deadlineSeconds: number;
  /** Its spec holds the flag (`value` or `basis.flag`): it alone runs again when only the flag is changed. */
  followsFlag?: boolean;
  fields: (config: RolloutConfig, outlines: StepOutline[]) => object;
}

export const MINUTE = 60;
export const HOUR = 3600;

/** First step of every phase: its undo unwinds whatever of the phase is left. */
export const guardOutline: StepOutline = {
  name: "guard",
  step: guard as Step,
  deadlineSeconds: MINUTE,
  fields: () => ({}),
};

/** How the writers are stopped is the migration's alone: to the other steps it is no change. */
export const changeFields = ({ change, migration: { maintenance: _, ...migration } }: RolloutConfig) => ({
  change,
  migration,
});

/** What a restore does without, for proof and rehearsal alike. */
export const restoreFields = ({ proof }: Pick<RolloutConfig["backup"], "proof">) =>
  proof?.leaveOut ? { leaveOut: proof.leaveOut } : {};

/** Proof of the backup that the step of that name took. */
export const proofOutline = (of: string): StepOutline => ({
  name: "restore-proof",
  step: restoreProof as Step,
  deadlineSeconds: 12 * HOUR,
  fields: ({ backup: { url, jobs, method, ...rest }, change: { schema, table } }) => ({
    ...{ url, jobs, of, method, keep: { schema, table } },
    ...restoreFields(rest),
  }),
});

/** Older backups go after that proof. */
export const retentionOutline: StepOutline = {
  name: "retention",
  step: retention as Step,
  deadlineSeconds: HOUR,
  fields: ({ backup: { url, keep } }) => ({ url, of: "restore-proof", ...(keep ? { keep } : {}) }),
};

/** The suite itself: which of its tests may be gone matters to phase 4 alone. */
export function suiteOf({ testSuite }: RolloutConfig) {
  if (!testSuite) return undefined;
  const { retired: _, ...program } = testSuite;
  return program;
}

/** How a backup is taken; how long it stays and how it is proven matters to other steps. */
export const backupFields = ({ backup: { keep: _, proof: __, ...rest } }: RolloutConfig) => rest;
