import * as pulumi from "@pulumi/pulumi";
import type { SoakSpec } from "../steps/soak.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Soak is given. */
export type SoakArgs = StepArgs<SoakSpec>;

/**
 * Records when the release began to run for good; the gate opens once it has run long enough. Changes nothing.
 * @see runbook 2.6
 */
export class Soak extends pulumi.ComponentResource {
  /** UTC, ISO 8601. */
  readonly startedAt: pulumi.Output<string>;

  constructor(name: string, args: SoakArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:code:Soak", name, {}, opts);
    const command = stepCommand(name, "soak", args, this);
    this.startedAt = resultField<string>(command, "startedAt");
    this.registerOutputs({ startedAt: this.startedAt });
  }
}
