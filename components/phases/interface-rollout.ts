import * as pulumi from "@pulumi/pulumi";
import { Announcement } from "../announcement.ts";
import { BrowserChecklist } from "../browser-checklist.ts";
import { CodeReview } from "../code-review.ts";
import { DocumentationCheck } from "../documentation-check.ts";
import { Guard } from "../guard.ts";
import { Release } from "../release.ts";
import { ReleaseSwitch } from "../release-switch.ts";
import { ServiceRestart } from "../service-restart.ts";
import { Soak } from "../soak.ts";
import { TestSuite } from "../test-suite.ts";
import { type PhaseArgs, stepOrder } from "./step-order.ts";

/**
 * Phase 3: the interface, proven in a browser and announced once. Its undo brings the interface before it back.
 * @see runbook 3.1-3.6
 */
export class InterfaceRollout extends pulumi.ComponentResource {
  constructor(name: string, args: PhaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:phases:InterfaceRollout", name, {}, opts);
    const inOrder = stepOrder(this, name, args);

    inOrder("guard", Guard);
    inOrder("code-review", CodeReview);
    inOrder("opening-restart", ServiceRestart);
    inOrder("release", Release);
    inOrder("test-suite", TestSuite);
    inOrder("documentation-check", DocumentationCheck);
    inOrder("release-switch", ReleaseSwitch);
    inOrder("closing-restart", ServiceRestart);
    inOrder("browser-checklist", BrowserChecklist);
    inOrder("announcement", Announcement);
    inOrder("soak", Soak);

    this.registerOutputs({});
  }
}
