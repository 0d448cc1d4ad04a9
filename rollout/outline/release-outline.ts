import { phaseNames } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { codeReview } from "../../steps/code-review.ts";
import { envFlag } from "../../steps/env-flag.ts";
import { release } from "../../steps/release.ts";
import { releaseSwitch } from "../../steps/release-switch.ts";
import { serviceRestart } from "../../steps/service-restart.ts";
import { soak } from "../../steps/soak.ts";
import type { Step } from "../../steps/step.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { HOUR, MINUTE, type StepOutline, suiteOf } from "./step-outline.ts";

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

/** The commits between two releases, against what is expected of them. */
export const reviewOutline = ({
  from,
  to,
  review,
}: {
  from: ReleaseName;
  to: ReleaseName;
  review: "review" | "interfaceReview" | "permanentReview";
}): StepOutline => ({
  name: "code-review",
  step: codeReview as Step,
  deadlineSeconds: 30 * MINUTE,
  fields: ({ deployment, releases, flagVariable, environment }) => ({
    ...{ repository: deployment?.repository, from: releases[from], to: releases[to] },
    ...{ flagVariable, review: deployment?.[review], section: review },
    flag: review === "permanentReview" ? "gone" : "read",
    // Nobody is there to tick its points.
    ...(environment === "sandbox" ? { checkedBy: "sandbox" } : {}),
  }),
});

/** A release beside the one that runs. Nothing of it runs yet. */
export const releaseOutline = (of: ReleaseName): StepOutline => ({
  name: "release",
  step: release as Step,
  deadlineSeconds: 2 * HOUR,
  fields: ({ hosts, deployment, releases }) => ({
    ...{ hosts, sha: releases[of], repository: deployment?.repository },
    install: deployment?.install,
  }),
});

/** Which suite is run, and how. */
interface SuiteCase {
  name: string;
  /** The release whose tests they are. */
  of: ReleaseName;
  /** The flag as its processes will have it; none where its code knows none. */
  flag?: boolean;
  /** Compared with the run of phase 0, test by test. */
  againstBaseline?: true;
}

const BASELINE = { phase: phaseNames[0], step: "test-suite" };

/** A release's own tests, before anything runs from it. */
export const suiteOutline = ({ name, of, flag, againstBaseline }: SuiteCase): StepOutline => ({
  name,
  step: testSuite as Step,
  deadlineSeconds: 12 * HOUR,
  fields: (config) => {
    const suite = suiteOf(config);
    const variables = flag === undefined ? {} : { [config.flagVariable]: String(flag) };
    const retired = config.testSuite?.retired ?? [];
    return {
      suite: suite && { ...suite, environment: { ...suite.environment, ...variables } },
      ...{ release: config.releases[of], follows: "release" },
      ...(againstBaseline ? { baseline: { ...BASELINE, retired } } : {}),
    };
  },
});

/** The next processes that start come from the second release. */
export const switchOutline = (from: ReleaseName, to: ReleaseName): StepOutline => ({
  name: "release-switch",
  step: releaseSwitch as Step,
  deadlineSeconds: 30 * MINUTE,
  fields: ({ hosts, deployment, releases }) => ({
    ...{ hosts, from: releases[from], to: releases[to], keep: deployment?.keep },
  }),
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
