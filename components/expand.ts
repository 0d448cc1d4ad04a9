import * as pulumi from "@pulumi/pulumi";
import type { ExpandSpec } from "../steps/expand.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What Expand is given. */
export type ExpandArgs = StepArgs<ExpandSpec>;

/**
 * Installs the normaliser and the tracker, so that old code goes on working. Its delete removes both.
 * @see runbook 1.6; the expand of expand and contract
 */
export class Expand extends pulumi.ComponentResource {
  constructor(name: string, args: ExpandArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Expand", name, {}, opts);
    stepCommand(name, "expand", args, this);
    this.registerOutputs({});
  }
}
