import * as pulumi from "@pulumi/pulumi";
import type { ArchiveSpec } from "../steps/archive.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Archive is given. */
export type ArchiveArgs = StepArgs<ArchiveSpec>;

/**
 * Archives everything that is known of the rollout in one file that can be verified anywhere. Its delete keeps it.
 * @see runbook 4.6
 */
export class Archive extends pulumi.ComponentResource {
  /** The archive, relative to the project's root. */
  readonly path: pulumi.Output<string>;
  /** SHA-256 of the archive, in hex: what a copy is compared with. */
  readonly sha256: pulumi.Output<string>;

  constructor(name: string, args: ArchiveArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:validation:Archive", name, {}, opts);
    const command = stepCommand(name, "archive", args, this);
    this.path = resultField<string>(command, "path");
    this.sha256 = resultField<string>(command, "sha256");
    this.registerOutputs({ path: this.path, sha256: this.sha256 });
  }
}
