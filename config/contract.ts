import { z } from "zod";

/** When phase 4 may take the normaliser off. */
export const ContractSection = z.strictObject({
  quietSeconds: z
    .int()
    .min(0)
    .max(365 * 86_400)
    .default(7 * 86_400)
    .meta({
      unit: "s",
      description: "Time without an old-style write before phase 4 takes the normaliser off.",
    }),
});
export type ContractSection = z.infer<typeof ContractSection>;
