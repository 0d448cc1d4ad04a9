import { browserChecklistOutline } from "./browser-checklist.ts";
import { documentationCheckOutline } from "./documentation.ts";
import { announcementOutline } from "./mail.ts";
import {
  basisOf,
  closingRestart,
  openingRestart,
  releaseOutline,
  reviewOutline,
  soakOutline,
  suiteOutline,
  switchOutline,
} from "./release-outline.ts";
import { guardOutline, type StepOutline } from "./step-outline.ts";

/** What runs after the phase. */
const basis = basisOf("interface");

/**
 * Phase 3. The interface goes in as every release does; then it is proven in a browser, and announced.
 * @see runbook 3.1-3.6
 */
export const interfaceRollout: StepOutline[] = [
  guardOutline,
  reviewOutline({ from: "feature", to: "interface", review: "interfaceReview" }),
  openingRestart("feature"),
  releaseOutline("interface"),
  suiteOutline({ name: "test-suite", of: "interface", flag: true }),
  documentationCheckOutline,
  switchOutline("feature", "interface"),
  closingRestart(basis),
  browserChecklistOutline,
  announcementOutline,
  soakOutline(({ soak }) => soak.interfaceSeconds, basis),
];
