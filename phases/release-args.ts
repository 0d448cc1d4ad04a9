import type { RolloutConfig } from "../config/schema.ts";
import { serviceRestart } from "../steps/service-restart.ts";
import { needed, suiteOf } from "./shared-args.ts";
import { type PhaseRow, row } from "./table.ts";

/** Name of a release in the config. */
type ReleaseName = keyof RolloutConfig["releases"];

/** What runs after a phase: that release, and the flag as the config wants it. */
export const basisOf = ({ releases, flag }: RolloutConfig, name: ReleaseName) => ({
  ...{ release: releases[name], flag },
});

export const deploymentOf = ({ deployment }: RolloutConfig) => needed(deployment, "deployment");

/** Where the flag is written. */
export const flagPlaceOf = (config: RolloutConfig) => ({
  ...{ variable: config.flagVariable, backend: deploymentOf(config).flagBackend },
});

interface Reviewed {
  from: ReleaseName;
  to: ReleaseName;
  section: "review" | "interfaceReview" | "permanentReview";
}

/** The commits between two releases, against what is expected of them. */
export function codeReviewArgs(config: RolloutConfig, { from, to, section }: Reviewed) {
  const { releases, flagVariable, environment } = config;
  const { repository, [section]: review } = deploymentOf(config);
  const flag = section === "permanentReview" ? ("gone" as const) : ("read" as const);
  return {
    ...{ repository, from: releases[from], to: releases[to], flagVariable, review, section, flag },
    // Nobody is there to tick its points.
    ...(environment === "sandbox" ? { checkedBy: "sandbox" } : {}),
  };
}

/** A release beside the one that runs. Nothing of it runs yet. */
export function releaseArgs(config: RolloutConfig, name: ReleaseName) {
  const { repository, install } = deploymentOf(config);
  return { hosts: config.hosts, sha: config.releases[name], repository, install };
}

interface SuiteCase {
  /** The release whose tests they are, and the row that installs it. */
  of: ReleaseName;
  installedBy: PhaseRow;
  /** The flag as its processes will have it; none where its code knows none. */
  flag?: boolean;
}

/** A release's own tests, before anything runs from it. */
export function suiteArgs(config: RolloutConfig, { of, installedBy, flag }: SuiteCase) {
  const suite = suiteOf(config);
  const variables = flag === undefined ? {} : { [config.flagVariable]: String(flag) };
  return {
    suite: suite && { ...suite, environment: { ...suite.environment, ...variables } },
    ...{ release: config.releases[of], follows: installedBy.name },
  };
}

/** The next processes that start come from the second release. */
export const switchArgs = (config: RolloutConfig, from: ReleaseName, to: ReleaseName) => ({
  ...{ hosts: config.hosts, from: config.releases[from], to: config.releases[to] },
  keep: deploymentOf(config).keep,
});

/** The next processes that start have the flag so; null: they have none. */
export const flagArgs = (config: RolloutConfig, value: boolean | null) => ({
  ...{ hosts: config.hosts, value, ...flagPlaceOf(config) },
});

/** What a restart has to bring; flag null: its code knows none. */
interface Wanted {
  release: string;
  flag: boolean | null;
}

/**
 * Deletes run in reverse. So the opening restart, before the release, restarts on the way back, after everything is
 * back; the closing one brings what was switched to what runs, and proves it.
 */
export const restartArgs = (config: RolloutConfig, when: "opening" | "closing", basis: Wanted) => ({
  ...{ when, hosts: config.hosts, basis, restart: deploymentOf(config).restart, ...flagPlaceOf(config) },
});

/** Where the application logs. */
export function logArgs(config: RolloutConfig) {
  const { logs, logTimeZone } = deploymentOf(config);
  return { logs, logTimeZone };
}

/** The same in each phase that switches something: only what has to run after it differs. */
export const closingRestartRow = (basis: (config: RolloutConfig) => Wanted) =>
  row(serviceRestart, {
    name: "closing-restart",
    why: "What was switched comes to what runs, host by host, and each process proves what it is.",
    followsFlag: true,
    args: (config) => restartArgs(config, "closing", basis(config)),
  });
