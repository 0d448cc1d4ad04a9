import * as pulumi from "@pulumi/pulumi";
import { CodeReview } from "../code-review.ts";
import { EnvFlag } from "../env-flag.ts";
import { Guard } from "../guard.ts";
import { Propagation } from "../propagation.ts";
import { Release } from "../release.ts";
import { ReleaseSwitch } from "../release-switch.ts";
import { ServiceRestart } from "../service-restart.ts";
import { ShadowComparison } from "../shadow-comparison.ts";
import { SmokeTest } from "../smoke-test.ts";
import { Soak } from "../soak.ts";
import { TestSuite } from "../test-suite.ts";
import { type PhaseArgs, stepOrder } from "./step-order.ts";

/**
 * Phase 2: the new release behind its flag, proven before it runs and after. Restarts bracket, since deletes run in
 * reverse: the closing one restarts on the way forward, the opening one on the way back.
 * @see runbook 2.1-2.7
 */
export class CodeDeployment extends pulumi.ComponentResource {
  constructor(name: string, args: PhaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:phases:CodeDeployment", name, {}, opts);
    const inOrder = stepOrder(this, name, args);

    inOrder("guard", Guard);
    inOrder("code-review", CodeReview);
    inOrder("opening-restart", ServiceRestart);
    inOrder("release", Release);
    inOrder("test-suite-on", TestSuite);
    inOrder("test-suite-off", TestSuite);
    inOrder("shadow-comparison", ShadowComparison);
    inOrder("release-switch", ReleaseSwitch);
    inOrder("env-flag", EnvFlag);
    inOrder("closing-restart", ServiceRestart);
    inOrder("smoke-test", SmokeTest);
    inOrder("propagation", Propagation);
    inOrder("soak", Soak);

    this.registerOutputs({});
  }
}
