import * as pulumi from "@pulumi/pulumi";
import type { VerificationSpec } from "../steps/verification.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What Verification is given. */
export type VerificationArgs = StepArgs<VerificationSpec>;

/**
 * Proves the migration: counts, constraint, refused inserts, a healthy application. Changes nothing.
 * @see runbook 1.7
 */
export class Verification extends pulumi.ComponentResource {
  constructor(name: string, args: VerificationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Verification", name, {}, opts);
    stepCommand(name, "verification", args, this);
    this.registerOutputs({});
  }
}
