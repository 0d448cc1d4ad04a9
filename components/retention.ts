import * as pulumi from "@pulumi/pulumi";
import type { RetentionSpec } from "../steps/retention.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Retention is given. */
export type RetentionArgs = StepArgs<RetentionSpec>;

/**
 * Removes older backups once a newer one is proven, as far as `backup.keep` lets them go. Its delete does nothing.
 * @see docs/backup.md
 */
export class Retention extends pulumi.ComponentResource {
  /** Backups of the stack that stay. */
  readonly kept: pulumi.Output<number>;

  constructor(name: string, args: RetentionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Retention", name, {}, opts);
    const command = stepCommand(name, "retention", args, this);
    this.kept = resultField<number>(command, "kept");
    this.registerOutputs({ kept: this.kept });
  }
}
