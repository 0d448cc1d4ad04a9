import { phaseNames } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import type { PhaseSteps } from "../ledger/progress.ts";
import { backup } from "../steps/backup.ts";
import { constraint } from "../steps/constraint.ts";
import { dataAudit } from "../steps/data-audit.ts";
import { environmentCheck } from "../steps/environment-check.ts";
import { expand } from "../steps/expand.ts";
import { guard } from "../steps/guard.ts";
import { migration } from "../steps/migration.ts";
import { notice } from "../steps/notice.ts";
import { outputSnapshot } from "../steps/output-snapshot.ts";
import { rehearsal } from "../steps/rehearsal.ts";
import { restoreProof } from "../steps/restore-proof.ts";
import { review } from "../steps/review.ts";
import { askedHosts } from "../steps/service-health.ts";
import { statusReport } from "../steps/status-report.ts";
import type { BaseSpec, Step } from "../steps/step.ts";
import { testSuite } from "../steps/test-suite.ts";
import { verification } from "../steps/verification.ts";

/** One step of the rollout as the configuration wants it. */
export interface PlannedStep {
  phaseNumber: number;
  step: Step;
  /** Complete but for its generation, which observation decides (1 here). */
  spec: BaseSpec;
}

/**
 * A step before the stack is known: its name in its phase, its kind, and the fields of its spec, which may depend on
 * what else the phase consists of.
 */
interface StepOutline {
  name: string;
  step: Step;
  /** Longest run time in seconds: generous, it is there for what hangs. */
  deadlineSeconds: number;
  fields: (config: RolloutConfig, outlines: StepOutline[]) => object;
}

const none = () => ({});
const changeFields = ({ change, migration }: RolloutConfig) => ({ change, migration });
/** What the status report judges: all of its phase but the guard, which finds nothing, and itself. */
const statusFields: StepOutline["fields"] = ({ change, stack }, outlines) => ({
  change,
  reportsOn: outlines
    .filter(({ step }) => step.name !== "guard" && step.name !== "status-report")
    .map(({ name }) => name),
  file: `reports/${stack}/pre-migration-status.md`,
});
const noticeFields = ({ change, notice, window, stack }: RolloutConfig) => {
  // Sending is refused by name; the time zone falls back to that of the window.
  const { smtp: _, timeZone = window?.timeZone ?? "UTC", ...rest } = notice;
  return { change, notice: rest, timeZone, outbox: `reports/${stack}/outbox` };
};
const MINUTE = 60;
const HOUR = 3600;

const guardOutline: StepOutline = {
  name: "guard",
  step: guard as Step,
  deadlineSeconds: MINUTE,
  fields: none,
};

/** Proof of the backup that the step of that name took. */
const proofOutline = (of: string): StepOutline => ({
  name: "restore-proof",
  step: restoreProof as Step,
  deadlineSeconds: 12 * HOUR,
  fields: ({ backup: { url, jobs } }) => ({ url, jobs, of }),
});

/** The change on a copy of phase 0's backup. */
const rehearsalFields: StepOutline["fields"] = (config) => ({
  ...changeFields(config),
  url: config.backup.url,
  jobs: config.backup.jobs,
  of: { phase: phaseNames[0], step: "backup", proof: "restore-proof" },
  // Whatever else there is to say of the tests is the baseline's: it is no reason to rehearse again.
  ...(config.testSuite?.onCopy ? { suite: config.testSuite, release: config.releases.baseline } : {}),
});

/** What each phase consists of, in order: the runbook's own. */
const OUTLINE: StepOutline[][] = [
  [
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
      fields: ({ testSuite, releases }) => ({ suite: testSuite, release: releases.baseline }),
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
      fields: ({ backup }) => ({ ...backup, follows: "data-audit" }),
    },
    proofOutline("backup"),
    {
      name: "status-report",
      step: statusReport as Step,
      deadlineSeconds: MINUTE,
      fields: statusFields,
    },
  ],
  [
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
      fields: ({ backup }) => backup,
    },
    proofOutline("fresh-backup"),
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
      fields: changeFields,
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
  ],
];

/** The steps of each built phase by name: what progress is measured against. */
export const PHASE_PLAN: PhaseSteps = OUTLINE.map((outlines, number) => ({
  phase: phaseNames[number] as string,
  steps: outlines.map(({ name }) => name),
}));

/** Every step of every built phase, in order, as the configuration wants it. Pure. */
export function planSteps(config: RolloutConfig): PlannedStep[] {
  return OUTLINE.flatMap((outlines, phaseNumber) =>
    outlines.map(({ name, step, deadlineSeconds, fields }) => ({
      phaseNumber,
      step,
      spec: step.spec.parse({
        specVersion: 1,
        identity: {
          stack: config.stack,
          phase: phaseNames[phaseNumber],
          step: name,
          evidenceUrl: config.evidence.url,
        },
        generation: 1,
        deadlineSeconds,
        ...fields(config, outlines),
      }),
    })),
  );
}
