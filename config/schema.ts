import { z } from "zod";
import { Change } from "../postgres/migration/change.ts";
import { AnnouncementSection } from "./announcement.ts";
import { ArchiveSection } from "./archive.ts";
import { AuditSection } from "./audit.ts";
import { BrowserChecklistSection } from "./browser-checklist.ts";
import { ContractSection } from "./contract.ts";
import { Dependency } from "./dependency.ts";
import { DeploymentSection, SoakSection } from "./deployment.ts";
import { DocumentationSection } from "./documentation.ts";
import { SmtpPassword, SmtpSection } from "./mail.ts";
import { MigrationSection } from "./migration.ts";
import { NoticeSection } from "./notice.ts";
import { OutputsSection } from "./outputs.ts";
import { PlanSection } from "./plan.ts";
import { RegressionSection } from "./regression.ts";
import { ReleasesSection } from "./releases.ts";
import { ReviewSection } from "./review.ts";
import { ShadowSection } from "./shadow.ts";
import { SmokeSection } from "./smoke.ts";
import { SmokeTestSection } from "./smoke-test.ts";
import { backupSection, evidenceSection } from "./stores.ts";
import { AppSection, DatabaseUrl, Host } from "./target.ts";
import { TestSuiteSection } from "./test-suite.ts";
import { WindowSection } from "./window.ts";

/**
 * The whole stack config: every key, default, bound, unit and description.
 * Defaults of the stores name the stack, hence a function. Top-level keys are those of `pulumi config`.
 */
export const stackSchema = (stack: string) =>
  z.strictObject({
    environment: z
      .enum(["sandbox", "staging", "production"])
      .describe("sandbox: the embedded target, which brings its own database, hosts and address."),
    // No example: whoever mistypes a number is told the bounds, not a phase to go back to.
    phase: z
      .int()
      .min(0)
      .max(4)
      .describe("How far the rollout has come. Rises one at a time, falls by any number."),
    flag: z
      .boolean()
      .default(true)
      .describe("Wanted feature flag in phases 2 and 3; false is the instant rollback. Phase 4 has none."),
    flagVariable: z
      .string()
      .regex(
        /^[A-Z_][A-Z0-9_]{0,127}$/,
        "an environment variable's name, upper-case letters, digits and underscore",
      )
      .default("DEAL_TYPE_AWARENESS")
      .describe("Environment variable that holds the flag: one name, everywhere."),
    observe: z
      .boolean()
      .default(true)
      .describe("Look at the target before preview and up: rows, locks, drift. false skips it and says so."),
    databaseUrl: DatabaseUrl.optional(),
    change: Change.describe("The enumerated column that is rolled out."),
    migration: MigrationSection.prefault({}).describe("How phase 1 changes the table."),
    testSuite: TestSuiteSection.optional().describe(
      "The application's own test suite, the baseline of phase 0: see docs/test-suite.md.",
    ),
    outputs: OutputsSection.prefault({}).describe(
      "How the outputs of every deal are taken before and after: see docs/output-snapshot.md.",
    ),
    review: ReviewSection.prefault({}).describe("What the review of phase 1 reads: see docs/review.md."),
    smoke: SmokeSection.optional().describe(
      "A short trial of the running application at the end of phase 1: see docs/review.md.",
    ),
    window: WindowSection.optional().describe(
      "When phase 1 may begin. Without it: at any time. Going back is never held up.",
    ),
    notice: NoticeSection.prefault({}).describe("The maintenance notice of phase 1: see docs/notice.md."),
    smtp: SmtpSection.optional().describe(
      "The mail server for notice and announcement: see docs/announcement.md.",
    ),
    smtpPassword: SmtpPassword.optional(),
    announcement: AnnouncementSection.optional().describe(
      "The mail that tells users of the new interface, in phase 3: see docs/announcement.md.",
    ),
    documentation: DocumentationSection.optional().describe(
      "What the release of phase 3 has to tell its users: see docs/documentation-check.md.",
    ),
    backup: backupSection(stack).prefault({}).describe("Where backups lie, and how they are taken."),
    evidence: evidenceSection(stack).prefault({}).describe("Where the evidence chain lies."),
    releases: ReleasesSection.describe("The commits that are rolled out."),
    deployment: DeploymentSection.optional().describe(
      "How a release and the flag come to the hosts, from phase 2 on: see docs/code-deployment.md.",
    ),
    shadow: ShadowSection.optional().describe(
      "How outputs with the flag on and off are compared before anyone sees them: see docs/code-deployment-checks.md.",
    ),
    regression: RegressionSection.optional().describe(
      "How outputs may differ after the rollout from before it: see docs/regression.md.",
    ),
    smokeTest: SmokeTestSection.optional().describe(
      "What phase 2 tries through the API once the flag is on: see docs/code-deployment-checks.md.",
    ),
    browserChecklist: BrowserChecklistSection.optional().describe(
      "What is done and seen in a browser once the interface is out: see docs/browser-checklist.md.",
    ),
    soak: SoakSection.prefault({}).describe("How long a phase has to run before the next one may begin."),
    contract: ContractSection.prefault({}).describe(
      "When phase 4 may take the normaliser off: see docs/migration.md.",
    ),
    archive: ArchiveSection.prefault({}).describe("What phase 4 archives: see docs/archive.md."),
    audit: AuditSection.prefault({}).describe("The audit 30 days after phase 4: see docs/audit.md."),
    plan: PlanSection.prefault({}).describe(
      "When the rollout was meant to happen, for the review page: see docs/review-page.md.",
    ),
    hosts: z.array(Host).optional().describe("Machines that run the application. Not in the sandbox."),
    app: AppSection.optional().describe("The application's own address. Not in the sandbox."),
    dependencies: z
      .array(Dependency)
      .default([])
      .describe("Programs and packages that the environment check asks for, with their lowest versions."),
  });

/** The stack config after parsing, before the target has been filled in. */
export type Settings = z.output<ReturnType<typeof stackSchema>>;

/** Everything the program needs to know, complete: what index.ts and the CLI work with. */
export interface RolloutConfig extends Omit<Settings, "databaseUrl" | "hosts" | "app"> {
  stack: string;
  /** Connection string of the target: a secret. */
  databaseUrl: string;
  hosts: Host[];
  app: { url: string };
}
