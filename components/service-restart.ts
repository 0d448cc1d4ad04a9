import * as pulumi from "@pulumi/pulumi";
import type { ServiceRestartSpec } from "../steps/service-restart.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What ServiceRestart is given. */
export type ServiceRestartArgs = StepArgs<ServiceRestartSpec>;

/**
 * Restarts every service in waves and proves what each process runs. The closing one does so when it is created or
 * updated, the opening one when it is deleted.
 * @see runbook 2.5
 */
export class ServiceRestart extends pulumi.ComponentResource {
  constructor(name: string, args: ServiceRestartArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:hosts:ServiceRestart", name, {}, opts);
    stepCommand(name, "service-restart", args, this);
    this.registerOutputs({});
  }
}
