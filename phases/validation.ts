import type { RolloutConfig } from "../config/schema.ts";
import { archive } from "../steps/archive.ts";
import { codeReview } from "../steps/code-review.ts";
import { contract } from "../steps/contract.ts";
import { envFlag } from "../steps/env-flag.ts";
import { flagAbsence } from "../steps/flag-absence.ts";
import { outputSnapshot } from "../steps/output-snapshot.ts";
import { regression } from "../steps/regression.ts";
import { release } from "../steps/release.ts";
import { releaseSwitch } from "../steps/release-switch.ts";
import { reviewPage } from "../steps/review-page.ts";
import { scheduledAudit } from "../steps/scheduled-audit.ts";
import { serviceRestart } from "../steps/service-restart.ts";
import { testSuite } from "../steps/test-suite.ts";
import { baselineSuite, preFlight, preSnapshot } from "./pre-flight.ts";
import {
  closingRestartRow,
  codeReviewArgs,
  flagArgs,
  logArgs,
  releaseArgs,
  restartArgs,
  suiteArgs,
  switchArgs,
} from "./release-args.ts";
import { changeArgs, opening, subjectOf } from "./shared-args.ts";
import { definePhase, type PhaseRow, placeOf, row } from "./table.ts";

const postSnapshot = row(outputSnapshot, {
  name: "post-snapshot",
  why: "Outputs are taken of what phases 1 to 3 brought, while the flagged release still runs.",
  args: ({ change, app, outputs, releases }) => ({
    ...{ change, appUrl: app.url, outputs, release: releases.interface },
  }),
});

const newRelease = row(release, {
  why: "The release without the flag lies beside the one that runs until it is proven.",
  args: (config) => releaseArgs(config, "permanent"),
});

const closingRestart = closingRestartRow((config) => ({ release: config.releases.permanent, flag: null }));

function scheduleArgs({ audit, environment, stack }: RolloutConfig) {
  const { afterDays, at, environmentFile, install } = audit;
  const onMachine = install ? ("machine" as const) : ("say" as const);
  return {
    schedule: { afterDays, at, ...(environmentFile === undefined ? {} : { environmentFile }) },
    place: environment === "sandbox" ? ("files" as const) : onMachine,
    folder: `reports/${stack}/audit`,
  };
}

function archiveArgs(config: RolloutConfig, earlier: readonly PhaseRow[]) {
  const { stack, releases, backup } = config;
  return {
    ...{ folder: `archives/${stack}`, reports: `reports/${stack}`, subject: subjectOf(config) },
    ...{ include: config.archive.include, releases, after: earlier.map(({ name }) => name) },
    ...(backup.encryption ? { encryption: backup.encryption } : {}),
  };
}

/** Phase 4. */
export const validation = definePhase({
  name: "validation",
  brings:
    "Proof that nothing regressed; then the flag goes for good, and with it what made old writes possible. The undo " +
    "brings the flagged release and the flag's line back, the normaliser before both.",
  runbook: "4.1-4.7",
  rows: [
    opening,
    postSnapshot,
    row(regression, {
      why: "Nothing is made final while an output differs that should not.",
      follows: postSnapshot,
      args: ({ change, regression: rules, outputs }) => ({
        ...{ change, regression: rules, ignoredColumns: outputs.ignoredColumns },
        pre: placeOf(preFlight, preSnapshot),
        post: { phase: "validation", step: postSnapshot.name },
      }),
    }),
    row(codeReview, {
      why: "The code that comes now neither reads nor sets the flag.",
      args: (config) =>
        codeReviewArgs(config, { from: "interface", to: "permanent", section: "permanentReview" }),
    }),
    row(serviceRestart, {
      name: "opening-restart",
      why: "Deletes run in reverse: on the way back it restarts after flag and release are back.",
      args: (config) => restartArgs(config, "opening", { release: config.releases.interface, flag: null }),
    }),
    newRelease,
    row(testSuite, {
      why: "The release's own tests pass, compared with phase 0 test by test.",
      follows: newRelease,
      args: (config) => ({
        ...suiteArgs(config, { of: "permanent", installedBy: newRelease }),
        baseline: { ...placeOf(preFlight, baselineSuite), retired: config.testSuite?.retired ?? [] },
      }),
    }),
    row(releaseSwitch, {
      why: "Processes that start from now on come from the release without the flag.",
      args: (config) => switchArgs(config, "interface", "permanent"),
    }),
    row(envFlag, {
      why: "The code knows no flag any more, so no file sets it either.",
      followsFlag: true,
      args: (config) => flagArgs(config, null),
    }),
    closingRestart,
    row(flagAbsence, {
      why: "The logs prove that what runs does not know the flag any more.",
      follows: closingRestart,
      args: (config) => ({
        ...{ hosts: config.hosts, ...logArgs(config) },
        ...{ flagVariable: config.flagVariable, release: config.releases.permanent },
      }),
    }),
    row(contract, {
      why: "Only code that writes allowed values is left, so the normaliser can go.",
      args: (config) => ({ ...changeArgs(config), quietSeconds: config.contract.quietSeconds }),
    }),
    row(scheduledAudit, {
      why: "The machine audits the column by itself once the days have passed.",
      args: scheduleArgs,
    }),
    row(reviewPage, {
      why: "People get on one page what they need to talk about it.",
      args: (config, earlier) => ({
        ...{ subject: subjectOf(config), environment: config.environment, plan: config.plan },
        ...{ folder: `reports/${config.stack}`, after: earlier.map(({ name }) => name) },
      }),
    }),
    row(archive, {
      why: "Everything that is known goes into one file; last, so that the review page is in it.",
      args: archiveArgs,
    }),
  ],
});
