import { codeReview } from "../steps/code-review.ts";
import { envFlag } from "../steps/env-flag.ts";
import { loggingHosts, propagation } from "../steps/propagation.ts";
import { release } from "../steps/release.ts";
import { releaseSwitch } from "../steps/release-switch.ts";
import { serviceRestart } from "../steps/service-restart.ts";
import { comparedOutputs, shadowComparison } from "../steps/shadow-comparison.ts";
import { smokeTest } from "../steps/smoke-test.ts";
import { soak } from "../steps/soak.ts";
import { testSuite } from "../steps/test-suite.ts";
import {
  basisOf,
  closingRestartRow,
  codeReviewArgs,
  flagArgs,
  logArgs,
  releaseArgs,
  restartArgs,
  suiteArgs,
  switchArgs,
} from "./release-args.ts";
import { shadowHost } from "./shadow-host.ts";
import { needed, opening } from "./shared-args.ts";
import { definePhase, row } from "./table.ts";

const newRelease = row(release, {
  why: "The new release lies beside the old one until it is proven; nothing of it runs yet.",
  args: (config) => releaseArgs(config, "feature"),
});

const closingRestart = closingRestartRow((config) => basisOf(config, "feature"));

/** Phase 2. */
export const codeDeployment = definePhase({
  name: "code-deployment",
  brings:
    "The new release behind its flag, proven before it runs and after. Restarts bracket it: the closing one restarts " +
    "on the way forward, the opening one on the way back.",
  runbook: "2.1-2.7",
  rows: [
    opening,
    row(codeReview, {
      why: "Every commit that comes with the release is one that somebody expects.",
      args: (config) => codeReviewArgs(config, { from: "baseline", to: "feature", section: "review" }),
    }),
    row(serviceRestart, {
      name: "opening-restart",
      why: "Deletes run in reverse: on the way back it restarts after flag and release are back.",
      args: (config) => restartArgs(config, "opening", { release: config.releases.baseline, flag: null }),
    }),
    newRelease,
    row(testSuite, {
      name: "test-suite-on",
      why: "The release's own tests pass with the flag on, before anything runs from it.",
      follows: newRelease,
      args: (config) => suiteArgs(config, { of: "feature", installedBy: newRelease, flag: true }),
    }),
    row(testSuite, {
      name: "test-suite-off",
      why: "The flag is the instant way back, so the tests pass with it off as well.",
      follows: newRelease,
      args: (config) => suiteArgs(config, { of: "feature", installedBy: newRelease, flag: false }),
    }),
    row(shadowComparison, {
      why: "Two private instances, flag on and flag off, answer for real deals before any user sees them.",
      args: ({ change, shadow, outputs, releases, hosts, flagVariable }) => ({
        ...{ change, shadow, outputs: comparedOutputs(outputs), release: releases.feature },
        ...{ host: needed(shadowHost(hosts), "hosts"), flagVariable },
      }),
    }),
    row(releaseSwitch, {
      why: "Processes that start from now on come from the new release.",
      args: (config) => switchArgs(config, "baseline", "feature"),
    }),
    row(envFlag, {
      why: "Processes that start from now on have the flag as the configuration says.",
      followsFlag: true,
      args: (config) => flagArgs(config, config.flag),
    }),
    closingRestart,
    row(smokeTest, {
      why: "One deal of each type goes through the running application by its API, and is removed again.",
      followsFlag: true,
      follows: closingRestart,
      args: (config) => ({
        ...{ change: config.change, app: config.app, smokeTest: config.smokeTest },
        basis: basisOf(config, "feature"),
      }),
    }),
    row(propagation, {
      why: "The types that were just tried show in the logs: they came through the whole pipeline.",
      followsFlag: true,
      follows: closingRestart,
      args: (config) => ({
        ...{ hosts: loggingHosts(config.hosts), ...logArgs(config), column: config.change.column },
        allowed: needed(config.smokeTest, "smokeTest").cases.map(({ type }) => type),
        basis: basisOf(config, "feature"),
      }),
    }),
    row(soak, {
      why: "The release runs for a while before phase 3 builds on it.",
      followsFlag: true,
      args: (config) => ({
        ...{ seconds: config.soak.codeDeploymentSeconds, basis: basisOf(config, "feature") },
      }),
    }),
  ],
});
