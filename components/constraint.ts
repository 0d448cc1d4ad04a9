import * as pulumi from "@pulumi/pulumi";
import type { ConstraintSpec } from "../steps/constraint.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What Constraint is given. */
export type ConstraintArgs = StepArgs<ConstraintSpec>;

/**
 * Adds NOT NULL and CHECK without blocking a writer. Its delete removes both.
 * @see runbook 1.6, 1.7
 */
export class Constraint extends pulumi.ComponentResource {
  constructor(name: string, args: ConstraintArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Constraint", name, {}, opts);
    stepCommand(name, "constraint", args, this);
    this.registerOutputs({});
  }
}
