import type { RolloutConfig } from "../config/schema.ts";
import { restoreProof } from "../steps/restore-proof.ts";
import { retention } from "../steps/retention.ts";
import { type PhaseRow, row } from "./table.ts";

/** How a backup is taken; how long it stays and how it is proven matters to other steps. */
export const backupArgs = ({ backup: { keep: _, proof: __, ...rest } }: RolloutConfig) => rest;

/** What a restore does without, for proof and rehearsal alike. */
export const restoreArgs = ({ backup: { proof } }: RolloutConfig) =>
  proof?.leaveOut ? { leaveOut: proof.leaveOut } : {};

/** Proof of the backup that the row above takes. */
export const proofOf = (backup: PhaseRow) =>
  row(restoreProof, {
    why: "A backup counts only when a restore of it holds every row of the original.",
    follows: backup,
    args: (config) => {
      const { url, jobs, method } = config.backup;
      const { schema, table } = config.change;
      return { url, jobs, of: backup.name, method, keep: { schema, table }, ...restoreArgs(config) };
    },
  });

/** Older backups go after that proof. */
export const retentionAfter = (proof: PhaseRow) =>
  row(retention, {
    why: "Older backups are removed only after a newer one is proven.",
    follows: proof,
    args: ({ backup: { url, keep } }) => ({ url, of: proof.name, ...(keep ? { keep } : {}) }),
  });
