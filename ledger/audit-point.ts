import { z } from "zod";

/** One of the seven points of the audit: what was expected, what was seen, and what that comes to. */
export const AuditPoint = z.object({
  /** 1 to 7, in the runbook's order. */
  number: z.int().min(1).max(7),
  title: z.string(),
  /** unknown: it could not be looked at, or there was nothing to look at. Never taken for green. */
  verdict: z.enum(["green", "red", "unknown"]),
  expected: z.string(),
  seen: z.string(),
  /** Files and records that show it: paths in the evidence folder. */
  evidence: z.array(z.string()),
});
export type AuditPoint = z.infer<typeof AuditPoint>;
