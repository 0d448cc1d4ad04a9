import * as pulumi from "@pulumi/pulumi";
import type { DataAuditSpec } from "../steps/data-audit.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What DataAudit is given. */
export type DataAuditArgs = StepArgs<DataAuditSpec>;

/**
 * Counts the column's values before anything is changed.
 * @see runbook 0.4
 */
export class DataAudit extends pulumi.ComponentResource {
  constructor(name: string, args: DataAuditArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:pre-flight:DataAudit", name, {}, opts);
    stepCommand(name, "data-audit", args, this);
    this.registerOutputs({});
  }
}
