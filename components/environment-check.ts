import * as pulumi from "@pulumi/pulumi";
import type { EnvironmentCheckSpec } from "../steps/environment-check.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What EnvironmentCheck is given. */
export type EnvironmentCheckArgs = StepArgs<EnvironmentCheckSpec>;

/**
 * Checks every dependency and its version, and the database, by name. Read-only.
 * @see runbook 0.1
 */
export class EnvironmentCheck extends pulumi.ComponentResource {
  constructor(name: string, args: EnvironmentCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:pre-flight:EnvironmentCheck", name, {}, opts);
    stepCommand(name, "environment-check", args, this);
    this.registerOutputs({});
  }
}
