import type { RolloutConfig } from "../../config/schema.ts";
import { archive } from "../../steps/archive.ts";
import { reviewPage } from "../../steps/review-page.ts";
import { scheduledAudit } from "../../steps/scheduled-audit.ts";
import type { Step } from "../../steps/step.ts";
import { HOUR, MINUTE, type StepOutline } from "./step-outline.ts";

const subjectOf = ({ change: { schema, table, column } }: RolloutConfig) => `${schema}.${table}.${column}`;

/** Names of the steps that come before one of them in their phase. */
function before(name: string, outlines: readonly StepOutline[]): string[] {
  const names = outlines.map((outline) => outline.name);
  return names.slice(0, names.indexOf(name));
}

/** Everything that is known goes into one file. @see runbook 4.6 */
export const archiveOutline: StepOutline = {
  name: "archive",
  step: archive as Step,
  deadlineSeconds: 12 * HOUR,
  fields: (config, outlines) => ({
    ...{ folder: `archives/${config.stack}`, reports: `reports/${config.stack}`, subject: subjectOf(config) },
    ...{ include: config.archive.include, releases: config.releases, after: before("archive", outlines) },
    ...(config.backup.encryption ? { encryption: config.backup.encryption } : {}),
  }),
};

/** The machine audits by itself once the days have passed. Its end is the end of phase 4's work. @see runbook 4.7 */
export const scheduledAuditOutline: StepOutline = {
  name: "scheduled-audit",
  step: scheduledAudit as Step,
  deadlineSeconds: 5 * MINUTE,
  fields: ({ audit: { afterDays, at, environmentFile, install }, environment, stack }) => ({
    schedule: { afterDays, at, ...(environmentFile === undefined ? {} : { environmentFile }) },
    place: environment === "sandbox" ? "files" : install ? "machine" : "say",
    folder: `reports/${stack}/audit`,
  }),
};

/** What people need to talk about it afterwards. */
export const reviewPageOutline: StepOutline = {
  name: "review-page",
  step: reviewPage as Step,
  deadlineSeconds: 5 * MINUTE,
  fields: (config, outlines) => ({
    ...{ subject: subjectOf(config), environment: config.environment, plan: config.plan },
    ...{ folder: `reports/${config.stack}`, after: before("review-page", outlines) },
  }),
};
