import { phaseNames } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { backup } from "../../steps/backup.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import { notice } from "../../steps/notice.ts";
import { rehearsal } from "../../steps/rehearsal.ts";
import { review } from "../../steps/review.ts";
import { askedHosts } from "../../steps/smoke/service-health.ts";
import type { Step } from "../../steps/step.ts";
import { verification } from "../../steps/verification.ts";
import { noticeFields } from "./mail.ts";
import {
  backupFields,
  changeFields,
  guardOutline,
  HOUR,
  MINUTE,
  proofOutline,
  restoreFields,
  retentionOutline,
  type StepOutline,
  suiteOf,
} from "./step-outline.ts";

const migrationFields = (config: RolloutConfig) => {
  const { strategy, maintenance } = config.migration;
  const stops = { maintenance, hosts: askedHosts(config.hosts), release: config.releases.baseline };
  return { ...changeFields(config), ...(strategy === "maintenance" ? stops : {}) };
};

/** The change on a copy of phase 0's backup. */
const rehearsalFields: StepOutline["fields"] = (config) => ({
  ...changeFields(config),
  url: config.backup.url,
  jobs: config.backup.jobs,
  ...restoreFields(config.backup),
  of: { phase: phaseNames[0], step: "backup", proof: "restore-proof" },
  // Whatever else there is to say of the tests is the baseline's: it is no reason to rehearse again.
  ...(config.testSuite?.onCopy ? { suite: suiteOf(config), release: config.releases.baseline } : {}),
});

/** Phase 1. @see runbook 1.1-1.7 */
export const databaseMigration: StepOutline[] = [
  guardOutline,
  {
    name: "review",
    step: review as Step,
    deadlineSeconds: HOUR,
    fields: (config) => ({
      ...changeFields(config),
      review: config.review,
      release: config.releases.baseline,
    }),
  },
  { name: "rehearsal", step: rehearsal as Step, deadlineSeconds: 12 * HOUR, fields: rehearsalFields },
  { name: "notice", step: notice as Step, deadlineSeconds: 5 * MINUTE, fields: noticeFields },
  {
    name: "fresh-backup",
    step: backup as Step,
    deadlineSeconds: 12 * HOUR,
    fields: backupFields,
  },
  proofOutline("fresh-backup"),
  retentionOutline,
  {
    name: "expand",
    step: expand as Step,
    deadlineSeconds: HOUR,
    fields: changeFields,
  },
  {
    name: "migration",
    step: migration as Step,
    deadlineSeconds: 24 * HOUR,
    fields: migrationFields,
  },
  {
    name: "constraint",
    step: constraint as Step,
    deadlineSeconds: 6 * HOUR,
    fields: changeFields,
  },
  {
    name: "verification",
    step: verification as Step,
    deadlineSeconds: HOUR,
    fields: ({ change, app, hosts, smoke, releases }) => ({
      ...{ change, app, hosts: askedHosts(hosts), smoke, release: releases.baseline },
    }),
  },
];
