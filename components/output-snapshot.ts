import * as pulumi from "@pulumi/pulumi";
import type { OutputSnapshotSpec } from "../steps/output-snapshot.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What OutputSnapshot is given. */
export type OutputSnapshotArgs = StepArgs<OutputSnapshotSpec>;

/**
 * Keeps what the application says of every deal. Its delete keeps the file.
 * @see runbook 0.3, 4.1
 */
export class OutputSnapshot extends pulumi.ComponentResource {
  /** File of the snapshot. */
  readonly path: pulumi.Output<string>;
  /** SHA-256 of the file, in hex. */
  readonly sha256: pulumi.Output<string>;
  /** Deals in it, those with errors included. */
  readonly totalDeals: pulumi.Output<number>;
  readonly errorCount: pulumi.Output<number>;

  constructor(name: string, args: OutputSnapshotArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:pre-flight:OutputSnapshot", name, {}, opts);
    const command = stepCommand(name, "output-snapshot", args, this);
    this.path = resultField<string>(command, "path");
    this.sha256 = resultField<string>(command, "sha256");
    this.totalDeals = resultField<number>(command, "total_deals");
    this.errorCount = resultField<number>(command, "error_count");
    this.registerOutputs({
      path: this.path,
      sha256: this.sha256,
      totalDeals: this.totalDeals,
      errorCount: this.errorCount,
    });
  }
}
