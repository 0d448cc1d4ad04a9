import * as pulumi from "@pulumi/pulumi";
import type { BrowserChecklistSpec } from "../steps/browser-checklist.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What BrowserChecklist is given. */
export type BrowserChecklistArgs = StepArgs<BrowserChecklistSpec>;

/**
 * Goes through the checklist in a browser once the interface is out. Its test deals are removed, also by its delete.
 * @see runbook 3.3
 */
export class BrowserChecklist extends pulumi.ComponentResource {
  /** Path of the whole run in the evidence folder. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: BrowserChecklistArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:interface:BrowserChecklist", name, {}, opts);
    const command = stepCommand(name, "browser-checklist", args, this);
    this.report = resultField<string>(command, "report");
    this.registerOutputs({ report: this.report });
  }
}
