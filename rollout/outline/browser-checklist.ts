import type { RolloutConfig } from "../../config/schema.ts";
import { browserChecklist } from "../../steps/browser-checklist.ts";
import type { Step } from "../../steps/step.ts";
import { HOUR, type StepOutline } from "./step-outline.ts";

/** How its deals are told from real ones and removed: as those of the smoke test. */
function testDealsOf({ smokeTest }: RolloutConfig) {
  if (!smokeTest) return {};
  const { marker, remove, tokenVariable } = smokeTest;
  return { testDeals: { field: marker.field, remove, ...(tokenVariable ? { tokenVariable } : {}) } };
}

/** Of phase 3: the new interface as its users see it. */
export const browserChecklistOutline: StepOutline = {
  name: "browser-checklist",
  step: browserChecklist as Step,
  deadlineSeconds: HOUR,
  fields: (config) => ({
    ...{ change: config.change, app: config.app, browserChecklist: config.browserChecklist },
    ...{ basis: { release: config.releases.interface }, ...testDealsOf(config) },
    // Nobody is there to look.
    ...(config.environment === "sandbox" ? { checkedBy: "sandbox" } : {}),
  }),
};
