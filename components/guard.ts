import * as pulumi from "@pulumi/pulumi";
import type { GuardSpec } from "../steps/guard.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What Guard is given. */
export type GuardArgs = StepArgs<GuardSpec>;

/**
 * Opens a phase. Deleted last in its phase, it unwinds whatever began there and never finished.
 * @see design: a create that failed is in no state file, so only the evidence knows of it
 */
export class Guard extends pulumi.ComponentResource {
  constructor(name: string, args: GuardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:rollout:Guard", name, {}, opts);
    stepCommand(name, "guard", args, this);
    this.registerOutputs({});
  }
}
