import { backup } from "../../steps/backup.ts";
import { dataAudit } from "../../steps/data-audit.ts";
import { environmentCheck } from "../../steps/environment-check.ts";
import { outputSnapshot } from "../../steps/output-snapshot.ts";
import { statusReport } from "../../steps/status-report.ts";
import type { Step } from "../../steps/step.ts";
import { testSuite } from "../../steps/test-suite.ts";
import {
  backupFields,
  guardOutline,
  HOUR,
  MINUTE,
  proofOutline,
  retentionOutline,
  type StepOutline,
  suiteOf,
} from "./step-outline.ts";

/** What the status report judges: all of its phase but guard and retention, which find nothing, and itself. */
const statusFields: StepOutline["fields"] = ({ change, stack }, outlines) => ({
  change,
  reportsOn: outlines
    .filter(({ step }) => !["guard", "retention", "status-report"].includes(step.name))
    .map(({ name }) => name),
  file: `reports/${stack}/pre-migration-status.md`,
});
/** Phase 0. @see runbook 0.1-0.6 */
export const preFlight: StepOutline[] = [
  guardOutline,
  {
    name: "environment-check",
    step: environmentCheck as Step,
    deadlineSeconds: 5 * MINUTE,
    fields: ({ change, dependencies }) => ({ change, dependencies }),
  },
  {
    name: "test-suite",
    step: testSuite as Step,
    deadlineSeconds: 12 * HOUR,
    fields: (config) => ({ suite: suiteOf(config), release: config.releases.baseline }),
  },
  {
    name: "data-audit",
    step: dataAudit as Step,
    deadlineSeconds: 30 * MINUTE,
    fields: ({ change }) => ({ change }),
  },
  {
    name: "output-snapshot",
    step: outputSnapshot as Step,
    deadlineSeconds: 24 * HOUR,
    fields: ({ change, app, outputs, releases }) => ({
      change,
      appUrl: app.url,
      outputs,
      release: releases.baseline,
    }),
  },
  {
    name: "backup",
    step: backup as Step,
    deadlineSeconds: 12 * HOUR,
    fields: (config) => ({ ...backupFields(config), follows: "data-audit" }),
  },
  proofOutline("backup"),
  retentionOutline,
  {
    name: "status-report",
    step: statusReport as Step,
    deadlineSeconds: MINUTE,
    fields: statusFields,
  },
];
