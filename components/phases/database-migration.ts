import * as pulumi from "@pulumi/pulumi";
import { Backup } from "../backup.ts";
import { Constraint } from "../constraint.ts";
import { Expand } from "../expand.ts";
import { Guard } from "../guard.ts";
import { Migration } from "../migration.ts";
import { Notice } from "../notice.ts";
import { Rehearsal } from "../rehearsal.ts";
import { RestoreProof } from "../restore-proof.ts";
import { Retention } from "../retention.ts";
import { Review } from "../review.ts";
import { Verification } from "../verification.ts";
import { type PhaseArgs, stepOrder } from "./step-order.ts";

/**
 * Phase 1: the column is normalised and constrained while the application runs. Its undo brings every value back.
 * @see runbook 1.6, 1.7
 */
export class DatabaseMigration extends pulumi.ComponentResource {
  /** The backup taken just before the first change. */
  readonly backup: Backup | undefined;

  constructor(name: string, args: PhaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:phases:DatabaseMigration", name, {}, opts);
    const inOrder = stepOrder(this, name, args);

    inOrder("guard", Guard);
    inOrder("review", Review);
    inOrder("rehearsal", Rehearsal);
    inOrder("notice", Notice);
    this.backup = inOrder("fresh-backup", Backup);
    inOrder("restore-proof", RestoreProof);
    inOrder("retention", Retention);
    inOrder("expand", Expand);
    inOrder("migration", Migration);
    inOrder("constraint", Constraint);
    inOrder("verification", Verification);

    this.registerOutputs({});
  }
}
