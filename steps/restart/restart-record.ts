import { z } from "zod";
import { UnitProof } from "../../hosts/unit-proof.ts";

/** What is read again of a restart's result. */
export const RestartRecord = z.object({
  release: z.string(),
  flag: z.boolean().nullable(),
  hosts: z.array(
    z.object({
      host: z.string(),
      state: z.string(),
      processes: z.array(z.object({ startedAt: z.string() })),
      units: z.array(UnitProof).optional(),
    }),
  ),
});
export type RestartRecord = z.infer<typeof RestartRecord>;
