import * as pulumi from "@pulumi/pulumi";
import type { ReleaseSpec } from "../steps/release.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What Release is given. */
export type ReleaseArgs = StepArgs<ReleaseSpec>;

/**
 * Installs a commit beside the release that runs, on every host. Its delete keeps it.
 * @see runbook 2.2
 */
export class Release extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:hosts:Release", name, {}, opts);
    stepCommand(name, "release", args, this);
    this.registerOutputs({});
  }
}
