import * as pulumi from "@pulumi/pulumi";
import type { RegressionSpec } from "../steps/regression.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Regression is given. */
export type RegressionArgs = StepArgs<RegressionSpec>;

/**
 * Compares what the application says of every deal with what it said before the rollout. Changes nothing.
 * @see runbook 4.2
 */
export class Regression extends pulumi.ComponentResource {
  /** Deals that both snapshots have answers of. */
  readonly compared: pulumi.Output<number>;
  /** Path of the comparison in the evidence folder. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: RegressionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:validation:Regression", name, {}, opts);
    const command = stepCommand(name, "regression", args, this);
    this.compared = resultField<number>(command, "compared");
    this.report = resultField<string>(command, "report");
    this.registerOutputs({ compared: this.compared, report: this.report });
  }
}
