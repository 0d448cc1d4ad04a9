import * as pulumi from "@pulumi/pulumi";
import type { BackupSpec } from "../steps/backup.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Backup is given. */
export type BackupArgs = StepArgs<BackupSpec>;

/**
 * Takes a backup with checksums of everything in it. Its delete keeps the backup.
 * @see runbook 0.6, 1.6
 */
export class Backup extends pulumi.ComponentResource {
  /** Folder of the backup. */
  readonly path: pulumi.Output<string>;
  /** SHA-256 of its manifest, in hex: of everything in it. */
  readonly sha256: pulumi.Output<string>;

  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Backup", name, {}, opts);
    const command = stepCommand(name, "backup", args, this);
    this.path = resultField<string>(command, "path");
    this.sha256 = resultField<string>(command, "sha256");
    this.registerOutputs({ path: this.path, sha256: this.sha256 });
  }
}
