import * as pulumi from "@pulumi/pulumi";
import type { FlagAbsenceSpec } from "../steps/flag-absence.ts";
import { type StepArgs, stepCommand } from "./step-command.ts";

/** What FlagAbsence is given. */
export type FlagAbsenceArgs = StepArgs<FlagAbsenceSpec>;

/** Proves that nothing that runs names the flag any more. Changes nothing. @see runbook 4.4 */
export class FlagAbsence extends pulumi.ComponentResource {
  constructor(name: string, args: FlagAbsenceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:hosts:FlagAbsence", name, {}, opts);
    stepCommand(name, "flag-absence", args, this);
    this.registerOutputs({});
  }
}
