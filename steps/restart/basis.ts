import { z } from "zod";

/** What runs now. Part of a spec whose step has to be done again for another release or flag. */
export const Basis = z.strictObject({
  /** Commit that runs. */
  release: z.string(),
  flag: z.boolean(),
});
export type Basis = z.infer<typeof Basis>;

/** Whether two say the same. */
export const isSameBasis = (a: Basis, b: Basis) => a.release === b.release && a.flag === b.flag;
