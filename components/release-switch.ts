import * as pulumi from "@pulumi/pulumi";
import type { ReleaseSwitchSpec } from "../steps/release-switch.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What ReleaseSwitch is given. */
export type ReleaseSwitchArgs = StepArgs<ReleaseSwitchSpec>;

/**
 * Points `current` of every host at a release. Its delete points it at what the evidence wants then.
 * @see runbook 2.2
 */
export class ReleaseSwitch extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseSwitchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:hosts:ReleaseSwitch", name, {}, opts);
    stepCommand(name, "release-switch", args, this);
    this.registerOutputs({});
  }
}
