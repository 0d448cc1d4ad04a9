import type { RolloutConfig } from "../config/schema.ts";
import { announcement } from "../steps/announcement.ts";
import { browserChecklist } from "../steps/browser-checklist.ts";
import { codeReview } from "../steps/code-review.ts";
import { documentationCheck } from "../steps/documentation-check.ts";
import { release } from "../steps/release.ts";
import { releaseSwitch } from "../steps/release-switch.ts";
import { serviceRestart } from "../steps/service-restart.ts";
import { soak } from "../steps/soak.ts";
import { testSuite } from "../steps/test-suite.ts";
import { announcementArgs } from "./mail-args.ts";
import {
  basisOf,
  closingRestartRow,
  codeReviewArgs,
  deploymentOf,
  releaseArgs,
  restartArgs,
  suiteArgs,
  switchArgs,
} from "./release-args.ts";
import { needed, opening } from "./shared-args.ts";
import { definePhase, row } from "./table.ts";

/** How its deals are told from real ones and removed: as those of the smoke test. */
function testDealsOf({ smokeTest }: RolloutConfig) {
  if (!smokeTest) return {};
  const { marker, remove, tokenVariable } = smokeTest;
  return { testDeals: { field: marker.field, remove, ...(tokenVariable ? { tokenVariable } : {}) } };
}

const newRelease = row(release, {
  why: "The release with the new interface lies beside the one that runs until it is proven.",
  args: (config) => releaseArgs(config, "interface"),
});

/** Phase 3. */
export const interfaceRollout = definePhase({
  name: "interface-rollout",
  brings: "The interface, proven in a browser and announced once. The undo brings the one before it back.",
  runbook: "3.1-3.6",
  rows: [
    opening,
    row(codeReview, {
      why: "Every commit that comes with the interface is one that somebody expects.",
      args: (config) =>
        codeReviewArgs(config, { from: "feature", to: "interface", section: "interfaceReview" }),
    }),
    row(serviceRestart, {
      name: "opening-restart",
      why: "Deletes run in reverse: on the way back it restarts after the release is back.",
      args: (config) => restartArgs(config, "opening", { release: config.releases.feature, flag: null }),
    }),
    newRelease,
    row(testSuite, {
      why: "The release's own tests pass before anything runs from it.",
      follows: newRelease,
      args: (config) => suiteArgs(config, { of: "interface", installedBy: newRelease, flag: true }),
    }),
    row(documentationCheck, {
      why: "What users are told of the change is in the release before they meet it.",
      args: (config) => ({
        ...{ repository: deploymentOf(config).repository, release: config.releases.interface },
        files: needed(config.documentation, "documentation").files,
      }),
    }),
    row(releaseSwitch, {
      why: "Processes that start from now on come from the new release.",
      args: (config) => switchArgs(config, "feature", "interface"),
    }),
    closingRestartRow((config) => basisOf(config, "interface")),
    row(browserChecklist, {
      why: "The interface is used in a real browser, as its users will, before they hear of it.",
      args: (config) => ({
        ...{ change: config.change, app: config.app, browserChecklist: config.browserChecklist },
        ...{ basis: { release: config.releases.interface }, ...testDealsOf(config) },
        // Nobody is there to look.
        ...(config.environment === "sandbox" ? { checkedBy: "sandbox" } : {}),
      }),
    }),
    row(announcement, {
      why: "Users are told once, when what they read is true.",
      args: announcementArgs,
    }),
    row(soak, {
      why: "The interface runs for a while before phase 4 makes it final.",
      followsFlag: true,
      args: (config) => ({ seconds: config.soak.interfaceSeconds, basis: basisOf(config, "interface") }),
    }),
  ],
});
