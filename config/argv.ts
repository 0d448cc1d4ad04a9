import { z } from "zod";

/** Program and arguments: no shell ever reads them. */
export const Argv = z.array(z.string().max(4000)).min(1);

/** Folder of a command; the default and the placeholders are its section's to say. */
export const RunFolder = z.string().min(1).max(1000);
