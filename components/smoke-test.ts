import * as pulumi from "@pulumi/pulumi";
import type { SmokeTestSpec } from "../steps/smoke-test.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What SmokeTest is given. */
export type SmokeTestArgs = StepArgs<SmokeTestSpec>;

/**
 * Tries a deal of each type through the API once the flag is on. Its test deals are removed, also by its delete.
 * @see runbook 2.4, 2.7
 */
export class SmokeTest extends pulumi.ComponentResource {
  /** Why nothing was tried: the flag is off. */
  readonly skipped: pulumi.Output<string | undefined>;

  constructor(name: string, args: SmokeTestArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:code:SmokeTest", name, {}, opts);
    const command = stepCommand(name, "smoke-test", args, this);
    this.skipped = resultField<string | undefined>(command, "skipped");
    this.registerOutputs({ skipped: this.skipped });
  }
}
