import * as pulumi from "@pulumi/pulumi";
import type { ContractSpec } from "../steps/contract.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Contract is given. */
export type ContractArgs = StepArgs<ContractSpec>;

/**
 * Takes the normaliser off once no old-style write was seen for the configured time. Its delete puts it back.
 * @see runbook 4.3
 */
export class Contract extends pulumi.ComponentResource {
  /** Since when the normaliser is off; UTC, ISO 8601. */
  readonly since: pulumi.Output<string>;

  constructor(name: string, args: ContractArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Contract", name, {}, opts);
    const command = stepCommand(name, "contract", args, this);
    this.since = resultField<string>(command, "since");
    this.registerOutputs({ since: this.since });
  }
}
