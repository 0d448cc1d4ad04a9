import * as pulumi from "@pulumi/pulumi";
import type { ScheduledAuditSpec } from "../steps/scheduled-audit.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What ScheduledAudit is given. */
export type ScheduledAuditArgs = StepArgs<ScheduledAuditSpec>;

/**
 * Has the machine that runs the rollout audit it once the days have passed. Its delete takes that off again.
 * @see runbook 4.7
 */
export class ScheduledAudit extends pulumi.ComponentResource {
  /** UTC, ISO 8601. */
  readonly dueAt: pulumi.Output<string>;

  constructor(name: string, args: ScheduledAuditArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:validation:ScheduledAudit", name, {}, opts);
    const command = stepCommand(name, "scheduled-audit", args, this);
    this.dueAt = resultField<string>(command, "dueAt");
    this.registerOutputs({ dueAt: this.dueAt });
  }
}
