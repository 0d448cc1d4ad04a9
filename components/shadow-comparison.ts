import * as pulumi from "@pulumi/pulumi";
import type { ShadowComparisonSpec } from "../steps/shadow-comparison.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What ShadowComparison is given. */
export type ShadowComparisonArgs = StepArgs<ShadowComparisonSpec>;

/**
 * Compares the new release with the flag on and off on the same deals, before anyone sees it. Changes nothing.
 * @see runbook 2.4, 4.1
 */
export class ShadowComparison extends pulumi.ComponentResource {
  /** Deals that were compared. */
  readonly compared: pulumi.Output<number>;
  /** Path of the comparison in the evidence folder. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: ShadowComparisonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:code:ShadowComparison", name, {}, opts);
    const command = stepCommand(name, "shadow-comparison", args, this);
    this.compared = resultField<number>(command, "compared");
    this.report = resultField<string>(command, "report");
    this.registerOutputs({ compared: this.compared, report: this.report });
  }
}
