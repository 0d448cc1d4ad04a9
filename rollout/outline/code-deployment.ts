import type { RolloutConfig } from "../../config/schema.ts";
import type { Host } from "../../config/target.ts";
import { codeReview } from "../../steps/code-review.ts";
import { envFlag } from "../../steps/env-flag.ts";
import { loggingHosts, propagation } from "../../steps/propagation.ts";
import { release } from "../../steps/release.ts";
import { releaseSwitch } from "../../steps/release-switch.ts";
import { serviceRestart } from "../../steps/service-restart.ts";
import { comparedOutputs, shadowComparison } from "../../steps/shadow-comparison.ts";
import { smokeTest } from "../../steps/smoke-test.ts";
import { soak } from "../../steps/soak.ts";
import type { Step } from "../../steps/step.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { guardOutline, HOUR, MINUTE, type StepOutline } from "./step-outline.ts";

/** What the restart brings about, and what is proven of it afterwards. */
const basisOf = ({ releases, flag }: RolloutConfig) => ({ release: releases.feature, flag });

/** Where the flag is written. */
const flagPlace = ({ flagVariable, deployment }: RolloutConfig) => ({
  variable: flagVariable,
  backend: deployment?.flagBackend,
});

/** The suite of the new release, with the flag as its processes would have it. */
const suiteOutline = (name: string, flag: boolean): StepOutline => ({
  name,
  step: testSuite as Step,
  deadlineSeconds: 12 * HOUR,
  fields: ({ testSuite: suite, flagVariable, releases }) => ({
    suite: suite && { ...suite, environment: { ...suite.environment, [flagVariable]: String(flag) } },
    ...{ release: releases.feature, follows: "release" },
  }),
});

/** What of a host the step uses, so that another service there is no change of it. */
const shadowHost = ([host]: readonly Host[]) =>
  host && { name: host.name, envFile: host.envFile, appDir: host.appDir };

const restartOutline = (
  when: "opening" | "closing",
  basis: (config: RolloutConfig) => { release: string; flag: boolean | null },
): StepOutline => ({
  name: `${when}-restart`,
  step: serviceRestart as Step,
  deadlineSeconds: 4 * HOUR,
  followsFlag: when === "closing",
  fields: (config) => ({
    ...{ when, hosts: config.hosts, basis: basis(config), restart: config.deployment?.restart },
    ...flagPlace(config),
  }),
});

/**
 * Phase 2. The new release lies beside the old one until it is proven; then flag and release are switched and the
 * services restart. Restarts bracket: deletes run in reverse, so the opening one restarts after everything is back.
 * @see runbook 2.1-2.7
 */
export const codeDeployment: StepOutline[] = [
  guardOutline,
  {
    name: "code-review",
    step: codeReview as Step,
    deadlineSeconds: 30 * MINUTE,
    fields: ({ deployment, releases, flagVariable, environment }) => ({
      ...{ repository: deployment?.repository, from: releases.baseline, to: releases.feature },
      ...{ flagVariable, review: deployment?.review },
      // Nobody is there to tick its points.
      ...(environment === "sandbox" ? { checkedBy: "sandbox" } : {}),
    }),
  },
  restartOutline("opening", ({ releases }) => ({ release: releases.baseline, flag: null })),
  {
    name: "release",
    step: release as Step,
    deadlineSeconds: 2 * HOUR,
    fields: ({ hosts, deployment, releases }) => ({
      ...{ hosts, sha: releases.feature, repository: deployment?.repository },
      ...{ install: deployment?.install, keep: deployment?.keep },
    }),
  },
  suiteOutline("test-suite-on", true),
  suiteOutline("test-suite-off", false),
  {
    name: "shadow-comparison",
    step: shadowComparison as Step,
    deadlineSeconds: 4 * HOUR,
    fields: ({ change, shadow, outputs, releases, hosts, flagVariable }) => ({
      ...{ change, shadow, outputs: comparedOutputs(outputs), release: releases.feature },
      ...{ host: shadowHost(hosts), flagVariable },
    }),
  },
  {
    name: "release-switch",
    step: releaseSwitch as Step,
    deadlineSeconds: 30 * MINUTE,
    fields: ({ hosts, releases }) => ({ hosts, from: releases.baseline, to: releases.feature }),
  },
  {
    name: "env-flag",
    step: envFlag as Step,
    deadlineSeconds: 30 * MINUTE,
    followsFlag: true,
    fields: (config) => ({ hosts: config.hosts, value: config.flag, ...flagPlace(config) }),
  },
  restartOutline("closing", basisOf),
  {
    name: "smoke-test",
    step: smokeTest as Step,
    deadlineSeconds: HOUR,
    followsFlag: true,
    fields: (config) => ({
      ...{ change: config.change, app: config.app, smokeTest: config.smokeTest },
      basis: basisOf(config),
    }),
  },
  {
    name: "propagation",
    step: propagation as Step,
    deadlineSeconds: HOUR,
    followsFlag: true,
    fields: (config) => ({
      ...{ hosts: loggingHosts(config.hosts), logs: config.deployment?.logs, basis: basisOf(config) },
      ...{ column: config.change.column, allowed: config.smokeTest?.cases.map(({ type }) => type) },
    }),
  },
  {
    name: "soak",
    step: soak as Step,
    deadlineSeconds: MINUTE,
    followsFlag: true,
    fields: (config) => ({ seconds: config.soak.codeDeploymentSeconds, basis: basisOf(config) }),
  },
];
