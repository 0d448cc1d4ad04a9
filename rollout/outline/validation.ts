import { phaseNames } from "../../config/phase.ts";
import { contract } from "../../steps/contract.ts";
import { flagAbsence } from "../../steps/flag-absence.ts";
import { outputSnapshot } from "../../steps/output-snapshot.ts";
import { regression } from "../../steps/regression.ts";
import type { Step } from "../../steps/step.ts";
import { archiveOutline, reviewPageOutline, scheduledAuditOutline } from "./closing-record.ts";
import {
  closingRestart,
  flagOutline,
  openingRestart,
  releaseOutline,
  reviewOutline,
  suiteOutline,
  switchOutline,
} from "./release-outline.ts";
import { changeFields, guardOutline, HOUR, type StepOutline } from "./step-outline.ts";

/** Taken of what phases 1 to 3 brought, while the flagged release still runs. */
const postSnapshot: StepOutline = {
  name: "post-snapshot",
  step: outputSnapshot as Step,
  deadlineSeconds: 24 * HOUR,
  fields: ({ change, app, outputs, releases }) => ({
    ...{ change, appUrl: app.url, outputs, release: releases.interface },
  }),
};

const regressionOutline: StepOutline = {
  name: "regression",
  step: regression as Step,
  deadlineSeconds: 4 * HOUR,
  fields: ({ change, regression: rules, outputs }) => ({
    ...{ change, regression: rules, ignoredColumns: outputs.ignoredColumns },
    pre: { phase: phaseNames[0], step: "output-snapshot" },
    post: { phase: phaseNames[4], step: postSnapshot.name },
  }),
};

/** The flag is gone from the code: no file sets it any more. */
const withoutFlag = flagOutline(() => null);

/**
 * Phase 4. Nothing has regressed; then the flag goes for good, and with it what made old writes possible.
 * @see runbook 4.1-4.7
 */
export const validation: StepOutline[] = [
  guardOutline,
  postSnapshot,
  regressionOutline,
  reviewOutline({ from: "interface", to: "permanent", review: "permanentReview" }),
  openingRestart("interface"),
  releaseOutline("permanent"),
  suiteOutline({ name: "test-suite", of: "permanent", againstBaseline: true }),
  switchOutline("interface", "permanent"),
  withoutFlag,
  closingRestart(({ releases }) => ({ release: releases.permanent, flag: null })),
  {
    name: "flag-absence",
    step: flagAbsence as Step,
    deadlineSeconds: HOUR,
    fields: ({ hosts, deployment, flagVariable, releases }) => ({
      ...{
        hosts,
        logs: deployment?.logs,
        logTimeZone: deployment?.logTimeZone,
        flagVariable,
        release: releases.permanent,
      },
    }),
  },
  {
    name: "contract",
    step: contract as Step,
    deadlineSeconds: HOUR,
    fields: (config) => ({ ...changeFields(config), quietSeconds: config.contract.quietSeconds }),
  },
  scheduledAuditOutline,
  reviewPageOutline,
  // Last, so that the page is in it.
  archiveOutline,
];
