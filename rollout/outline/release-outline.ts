import type { RolloutConfig } from "../../config/schema.ts";
import { envFlag } from "../../steps/env-flag.ts";
import { release } from "../../steps/release.ts";
import { releaseSwitch } from "../../steps/release-switch.ts";
import { serviceRestart } from "../../steps/service-restart.ts";
import { soak } from "../../steps/soak.ts";
import type { Step } from "../../steps/step.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { HOUR, MINUTE, type StepOutline } from "./step-outline.ts";

/** Name of a release in the config. */
type ReleaseName = keyof RolloutConfig["releases"];

/** What runs: a release, and the flag where it is asked. */
type BasisOf<Flag> = (config: RolloutConfig) => { release: string; flag: Flag };

/** That release with the flag as the config wants it. */
export const basisOf =
  (name: ReleaseName): BasisOf<boolean> =>
  ({ releases, flag }) => ({ release: releases[name], flag });

/** Where the flag is written. */
const flagPlace = ({ flagVariable, deployment }: RolloutConfig) => ({
  variable: flagVariable,
  backend: deployment?.flagBackend,
});

/** A release beside the one that runs. Nothing of it runs yet. */
export const releaseOutline = (of: ReleaseName): StepOutline => ({
  name: "release",
  step: release as Step,
  deadlineSeconds: 2 * HOUR,
  fields: ({ hosts, deployment, releases }) => ({
    ...{ hosts, sha: releases[of], repository: deployment?.repository },
    ...{ install: deployment?.install, keep: deployment?.keep },
  }),
});

/** The suite of that release, with the flag as its processes will have it; undefined: without one. */
export const suiteOutline = ({
  name,
  of,
  flag,
}: {
  name: string;
  of: ReleaseName;
  flag: boolean | undefined;
}): StepOutline => ({
  name,
  step: testSuite as Step,
  deadlineSeconds: 12 * HOUR,
  fields: ({ testSuite: suite, flagVariable, releases }) => ({
    suite: suite && {
      ...suite,
      environment: { ...suite.environment, ...(flag === undefined ? {} : { [flagVariable]: String(flag) }) },
    },
    ...{ release: releases[of], follows: "release" },
  }),
});

/** The next processes that start come from the second release. */
export const switchOutline = (from: ReleaseName, to: ReleaseName): StepOutline => ({
  name: "release-switch",
  step: releaseSwitch as Step,
  deadlineSeconds: 30 * MINUTE,
  fields: ({ hosts, releases }) => ({ hosts, from: releases[from], to: releases[to] }),
});

/** The next processes that start have the flag so; null: they have none. */
export const flagOutline = (value: (config: RolloutConfig) => boolean | null): StepOutline => ({
  name: "env-flag",
  step: envFlag as Step,
  deadlineSeconds: 30 * MINUTE,
  followsFlag: true,
  fields: (config) => ({ hosts: config.hosts, value: value(config), ...flagPlace(config) }),
});

const restartOutline = (when: "opening" | "closing", basis: BasisOf<boolean | null>): StepOutline => ({
  name: `${when}-restart`,
  step: serviceRestart as Step,
  deadlineSeconds: 4 * HOUR,
  followsFlag: when === "closing",
  fields: (config) => ({
    ...{ when, hosts: config.hosts, basis: basis(config), restart: config.deployment?.restart },
    ...flagPlace(config),
  }),
});

/** Deletes run in reverse: this one, before the release, restarts after everything is back. */
export const openingRestart = (of: ReleaseName): StepOutline =>
  restartOutline("opening", ({ releases }) => ({ release: releases[of], flag: null }));

/** Brings what was switched to what runs, and proves it. */
export const closingRestart = (basis: BasisOf<boolean | null>): StepOutline =>
  restartOutline("closing", basis);

/** The time that it has to run before the next phase. */
export const soakOutline = (
  seconds: (config: RolloutConfig) => number,
  basis: BasisOf<boolean>,
): StepOutline => ({
  name: "soak",
  step: soak as Step,
  deadlineSeconds: MINUTE,
  followsFlag: true,
  fields: (config) => ({ seconds: seconds(config), basis: basis(config) }),
});
