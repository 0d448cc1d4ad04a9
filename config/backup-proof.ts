import { z } from "zod";

/** What the proof of a backup, and the rehearsal on it, do without. */
export const LeaveOut = z.strictObject({
  extensions: z
    .array(z.string().regex(/^[^\s'"]{1,63}$/, "the name of an extension, as in pg_extension"))
    .max(200)
    .default([])
    .describe(
      "Extensions that can't be made on this machine. With each goes all that stands on it: tables with columns of its types, indexes, views, functions.",
    ),
  objects: z
    .array(z.string().trim().min(1).max(500))
    .max(1000)
    .default([])
    .describe(
      "Objects by name, as preview and proof print them: `public.places`, `public.to_ascii(text)`, `event trigger on_ddl`, `stamp on public.deals`. With each goes all that stands on it.",
    ),
});
export type LeaveOut = z.infer<typeof LeaveOut>;

/** How a backup is proven. */
export const BackupProof = z.strictObject({
  leaveOut: LeaveOut.optional().describe(
    "What is not restored, with all that stands on it. It is named in the proof's result, in the status report, in `rollout status` and where gate 0 or 1 is met. The table of the change can't be left out.",
  ),
});
