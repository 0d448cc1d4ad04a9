import * as pulumi from "@pulumi/pulumi";
import { Backup } from "../backup.ts";
import { DataAudit } from "../data-audit.ts";
import { EnvironmentCheck } from "../environment-check.ts";
import { Guard } from "../guard.ts";
import { OutputSnapshot } from "../output-snapshot.ts";
import { RestoreProof } from "../restore-proof.ts";
import { Retention } from "../retention.ts";
import { StatusReport } from "../status-report.ts";
import { TestSuite } from "../test-suite.ts";
import { type PhaseArgs, stepOrder } from "./step-order.ts";

/** Phase 0: facts and a backup before anything is changed. Touches nothing in the target. @see runbook 0.1–0.6 */
export class PreFlight extends pulumi.ComponentResource {
  /** The backup taken before anything was changed. */
  readonly backup: Backup | undefined;
  /** Go or no-go, from the evidence of the steps before it. */
  readonly statusReport: StatusReport | undefined;

  constructor(name: string, args: PhaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:phases:PreFlight", name, {}, opts);
    const inOrder = stepOrder(this, name, args);

    inOrder("guard", Guard);
    inOrder("environment-check", EnvironmentCheck);
    inOrder("test-suite", TestSuite);
    inOrder("data-audit", DataAudit);
    inOrder("output-snapshot", OutputSnapshot);
    this.backup = inOrder("backup", Backup);
    inOrder("restore-proof", RestoreProof);
    inOrder("retention", Retention);
    this.statusReport = inOrder("status-report", StatusReport);

    this.registerOutputs({});
  }
}
