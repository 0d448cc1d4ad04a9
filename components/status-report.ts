import * as pulumi from "@pulumi/pulumi";
import type { StatusReportSpec } from "../steps/status-report.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What StatusReport is given. */
export type StatusReportArgs = StepArgs<StatusReportSpec>;

/**
 * Writes go or no-go from the evidence of its phase. Its delete keeps the report.
 * @see runbook 0.5
 */
export class StatusReport extends pulumi.ComponentResource {
  /** `go` or `no-go`; a no-go shuts the gate of the phase. */
  readonly decision: pulumi.Output<"go" | "no-go">;
  /** The report, relative to the project's root. */
  readonly file: pulumi.Output<string>;

  constructor(name: string, args: StatusReportArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:pre-flight:StatusReport", name, {}, opts);
    const command = stepCommand(name, "status-report", args, this);
    this.decision = resultField<"go" | "no-go">(command, "decision");
    this.file = resultField<string>(command, "file");
    this.registerOutputs({ decision: this.decision, file: this.file });
  }
}
