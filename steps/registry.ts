import { StepError } from "../errors/step-error.ts";
import type { Step } from "./step.ts";

/** Loads a step by its kind: only the one that is asked for, since each process runs just one. */
const LOADERS: Record<string, () => Promise<unknown>> = {
  guard: async () => (await import("./guard.ts")).guard,
  "environment-check": async () => (await import("./environment-check.ts")).environmentCheck,
  "data-audit": async () => (await import("./data-audit.ts")).dataAudit,
  "test-suite": async () => (await import("./test-suite.ts")).testSuite,
  "output-snapshot": async () => (await import("./output-snapshot.ts")).outputSnapshot,
  "status-report": async () => (await import("./status-report.ts")).statusReport,
  notice: async () => (await import("./notice.ts")).notice,
  backup: async () => (await import("./backup.ts")).backup,
  "restore-proof": async () => (await import("./restore-proof.ts")).restoreProof,
  retention: async () => (await import("./retention.ts")).retention,
  review: async () => (await import("./review.ts")).review,
  rehearsal: async () => (await import("./rehearsal.ts")).rehearsal,
  expand: async () => (await import("./expand.ts")).expand,
  migration: async () => (await import("./migration.ts")).migration,
  constraint: async () => (await import("./constraint.ts")).constraint,
  contract: async () => (await import("./contract.ts")).contract,
  regression: async () => (await import("./regression.ts")).regression,
  "code-review": async () => (await import("./code-review.ts")).codeReview,
  "shadow-comparison": async () => (await import("./shadow-comparison.ts")).shadowComparison,
  "smoke-test": async () => (await import("./smoke-test.ts")).smokeTest,
  "browser-checklist": async () => (await import("./browser-checklist.ts")).browserChecklist,
  soak: async () => (await import("./soak.ts")).soak,
  "flag-absence": async () => (await import("./flag-absence.ts")).flagAbsence,
  propagation: async () => (await import("./propagation.ts")).propagation,
  verification: async () => (await import("./verification.ts")).verification,
  announcement: async () => (await import("./announcement.ts")).announcement,
  "documentation-check": async () => (await import("./documentation-check.ts")).documentationCheck,
  release: async () => (await import("./release.ts")).release,
  "release-switch": async () => (await import("./release-switch.ts")).releaseSwitch,
  "env-flag": async () => (await import("./env-flag.ts")).envFlag,
  "service-restart": async () => (await import("./service-restart.ts")).serviceRestart,
  archive: async () => (await import("./archive.ts")).archive,
  "scheduled-audit": async () => (await import("./scheduled-audit.ts")).scheduledAudit,
  "review-page": async () => (await import("./review-page.ts")).reviewPage,
};

/** The step of that kind. @throws {StepError} for a kind that this release does not have. */
export async function findStep(kind: string): Promise<Step> {
  const load = Object.hasOwn(LOADERS, kind) ? LOADERS[kind] : undefined;
  if (!load) {
    throw new StepError(
      `step: expected one of ${Object.keys(LOADERS).join(", ")}, got ${JSON.stringify(kind)}.`,
    );
  }
  return (await load()) as Step;
}
