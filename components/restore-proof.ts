import * as pulumi from "@pulumi/pulumi";
import type { RestoreProofSpec } from "../steps/restore-proof.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What RestoreProof is given. */
export type RestoreProofArgs = StepArgs<RestoreProofSpec>;

/**
 * Restores the backup of the step before into a throwaway server and compares every row. Its delete does nothing.
 * @see runbook 0.6; docs/backup.md
 */
export class RestoreProof extends pulumi.ComponentResource {
  /** When the comparison ended without a difference, UTC. */
  readonly provenAt: pulumi.Output<string>;
  /** SHA-256 of the proven backup's manifest, in hex. */
  readonly sha256: pulumi.Output<string>;

  constructor(name: string, args: RestoreProofArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:RestoreProof", name, {}, opts);
    const command = stepCommand(name, "restore-proof", args, this);
    this.provenAt = resultField<string>(command, "provenAt");
    this.sha256 = resultField<string>(command, "sha256");
    this.registerOutputs({ provenAt: this.provenAt, sha256: this.sha256 });
  }
}
