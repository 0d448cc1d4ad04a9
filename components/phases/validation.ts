import * as pulumi from "@pulumi/pulumi";
import { Archive } from "../archive.ts";
import { CodeReview } from "../code-review.ts";
import { Contract } from "../contract.ts";
import { EnvFlag } from "../env-flag.ts";
import { FlagAbsence } from "../flag-absence.ts";
import { Guard } from "../guard.ts";
import { OutputSnapshot } from "../output-snapshot.ts";
import { Regression } from "../regression.ts";
import { Release } from "../release.ts";
import { ReleaseSwitch } from "../release-switch.ts";
import { ReviewPage } from "../review-page.ts";
import { ScheduledAudit } from "../scheduled-audit.ts";
import { ServiceRestart } from "../service-restart.ts";
import { TestSuite } from "../test-suite.ts";
import { type PhaseArgs, stepOrder } from "./step-order.ts";

/**
 * Phase 4: proof that nothing regressed, then the flag goes for good. Its undo brings the flagged release and the
 * flag's line back, the normaliser before both.
 * @see runbook 4.1-4.7
 */
export class Validation extends pulumi.ComponentResource {
  constructor(name: string, args: PhaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:phases:Validation", name, {}, opts);
    const inOrder = stepOrder(this, name, args);

    inOrder("guard", Guard);
    inOrder("post-snapshot", OutputSnapshot);
    inOrder("regression", Regression);
    inOrder("code-review", CodeReview);
    inOrder("opening-restart", ServiceRestart);
    inOrder("release", Release);
    inOrder("test-suite", TestSuite);
    inOrder("release-switch", ReleaseSwitch);
    inOrder("env-flag", EnvFlag);
    inOrder("closing-restart", ServiceRestart);
    inOrder("flag-absence", FlagAbsence);
    inOrder("contract", Contract);
    inOrder("scheduled-audit", ScheduledAudit);
    inOrder("review-page", ReviewPage);
    inOrder("archive", Archive);

    this.registerOutputs({});
  }
}
