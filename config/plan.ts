import { z } from "zod";

/** When the rollout was meant to happen: for the review page alone. */
export const PlanSection = z.strictObject({
  startsOn: z.iso
    .date()
    .optional()
    .describe(
      "First day of week 0, e.g. 2025-02-03; phases follow week by week. Without it hours alone are compared.",
    ),
  hours: z
    .array(z.int().min(1).max(1000))
    .length(5)
    .default([4, 2, 3, 2, 3])
    .meta({ unit: "h", description: "Planned work of phases 0 to 4." }),
});
export type PlanSection = z.infer<typeof PlanSection>;
