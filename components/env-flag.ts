import * as pulumi from "@pulumi/pulumi";
import type { EnvFlagSpec } from "../steps/env-flag.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What EnvFlag is given. */
export type EnvFlagArgs = StepArgs<EnvFlagSpec>;

/**
 * Writes the feature flag into the files of every host. Its delete writes what the evidence wants then.
 * @see runbook 2.4
 */
export class EnvFlag extends pulumi.ComponentResource {
  constructor(name: string, args: EnvFlagArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:hosts:EnvFlag", name, {}, opts);
    stepCommand(name, "env-flag", args, this);
    this.registerOutputs({});
  }
}
