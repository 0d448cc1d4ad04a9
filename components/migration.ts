import * as pulumi from "@pulumi/pulumi";
import type { MigrationSpec } from "../steps/migration/migration-plan.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Migration is given. */
export type MigrationArgs = StepArgs<MigrationSpec>;

/**
 * Normalises every row, journalled, online or with the writers stopped. Its delete puts every value back.
 * @see runbook 1.6
 */
export class Migration extends pulumi.ComponentResource {
  /** Rows whose value was changed. */
  readonly changedRows: pulumi.Output<number>;

  constructor(name: string, args: MigrationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Migration", name, {}, opts);
    const command = stepCommand(name, "migration", args, this);
    this.changedRows = resultField<number>(command, "changedRows");
    this.registerOutputs({ changedRows: this.changedRows });
  }
}
