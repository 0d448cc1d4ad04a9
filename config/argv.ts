import { z } from "zod";

/** Program and arguments: no shell ever reads them. */
export const Argv = z.array(z.string().max(4000)).min(1);
