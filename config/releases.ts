import { z } from "zod";

const CommitSha = z
  .string()
  .regex(/^[0-9a-f]{40}$/, "a full commit SHA, 40 lower-case hex digits (branches and tags move)");

/** The commits that are rolled out: pinned, so that staging and production run the same code. */
export const ReleasesSection = z.strictObject({
  baseline: CommitSha.describe("What runs today, before the rollout."),
  feature: CommitSha.describe("Phase 2: the new behaviour behind the flag."),
  interface: CommitSha.describe("Phase 3: the form field and the badges."),
  permanent: CommitSha.describe("Phase 4: the flag removed from the code."),
});
