import { z } from "zod";
import { BackupProof } from "./backup-proof.ts";
import { Encryption } from "./encryption.ts";
import { Keep } from "./keep.ts";

const StoreUrl = z.string().regex(/^(file|s3):\S.*$/, "a URL file:<path> (or s3://<bucket>/<path>)");

/** Where the evidence chain lies. Several machines that run one stack share it. */
export const evidenceSection = (stack: string) =>
  z.strictObject({
    url: StoreUrl.default(`file:evidence/${stack}`).describe(
      "Folder of the evidence chain; a relative path starts at the project's root. Shared by every machine that runs the stack.",
    ),
  });

/** Where backups lie, and how they are taken. */
export const backupSection = (stack: string) =>
  z.strictObject({
    url: StoreUrl.default(`file:backups/${stack}`).describe(
      "Folder of the backups; a relative path starts at the project's root. They hold personal data: files get mode 0600.",
    ),
    method: z
      .enum(["logical", "physical"])
      .default("logical")
      .describe(
        "logical: pg_dump of the database. physical: pg_basebackup of the whole server, for large databases; needs a role with REPLICATION.",
      ),
    keep: Keep.optional().describe(
      "How long backups stay once a newer one is proven; without it for ever. With both keys, the one that keeps more counts.",
    ),
    encryption: Encryption.optional().describe(
      "Without it backups lie there in the clear, for their owner alone.",
    ),
    proof: BackupProof.optional().describe("How a backup is proven: by a restore on this machine."),
    jobs: z.int().min(1).max(32).default(2).meta({
      unit: "connections",
      description: "Parallel workers of a logical backup and its restore, each with one connection.",
    }),
  });
