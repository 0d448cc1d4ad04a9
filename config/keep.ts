import { z } from "zod";

/** How long backups stay once a newer one is proven; with both, the one that keeps more counts. */
export const Keep = z
  .strictObject({
    proven: z.int().min(1).max(1000).optional().describe("So many of the newest proven backups stay."),
    days: z.int().min(1).max(3650).optional().meta({ unit: "days", description: "Younger ones stay." }),
  })
  .refine(({ proven, days }) => proven !== undefined || days !== undefined, "proven, days or both");
export type Keep = z.infer<typeof Keep>;

/** `2 proven`, `30 days`. */
export const showKeep = ({ proven, days }: Keep): string =>
  [proven && `${proven} proven`, days && `${days} days`].filter(Boolean).join(", ");
