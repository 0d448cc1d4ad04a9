import { z } from "zod";

const Place = z.string().min(1).max(1000);

/** What the review of phase 1 reads of the application: a checkout on this machine, never changed. */
export const ReviewSection = z.strictObject({
  migrations: Place.optional().describe(
    "Folder of the Alembic revisions. Without it their order is not reviewed. {release} = releases.baseline.",
  ),
  code: z
    .array(Place)
    .max(50)
    .default([])
    .describe(
      "Folders or glob patterns of the application's source, searched for reads that will notice. {release} = releases.baseline.",
    ),
  accept: z
    .array(z.string().min(1).max(255))
    .max(100)
    .default([])
    .describe(
      "Names of Alembic's files (004_types.py, env.py) whose parts that could not be read a person has compared with the change.",
    ),
  ignore: z
    .array(Place)
    .max(200)
    .default([])
    .describe("Glob patterns of paths below them that are left out, e.g. **/tests/**."),
});
export type ReviewSection = z.infer<typeof ReviewSection>;
