import { z } from "zod";

/**
 * zod makes a parser of its own for each object that it is to check, by `new Function`. Here most are used once in a
 * process: to make them takes longer than to check without them. Imported before all schemas, which look at this once.
 */
z.config({ jitless: true });
