import { z } from "zod";

/** What may be left out of an archive; the evidence records never are. */
export const ArchivePart = z.enum(["snapshots", "artifacts", "reports"]);
export type ArchivePart = z.infer<typeof ArchivePart>;

/** What phase 4 archives. Who can read it follows `backup.encryption`. */
export const ArchiveSection = z.strictObject({
  include: z
    .array(ArchivePart)
    .default(ArchivePart.options)
    .describe(
      "Beside the evidence records: snapshots (outputs of every deal: business data), artifacts of the steps, reports. What is left out is listed with its SHA-256.",
    ),
});
export type ArchiveSection = z.infer<typeof ArchiveSection>;
