import * as pulumi from "@pulumi/pulumi";
import type { PropagationSpec } from "../steps/propagation.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Propagation is given. */
export type PropagationArgs = StepArgs<PropagationSpec>;

/**
 * Counts the types that the application logs since its restart. Changes nothing.
 * @see runbook 2.6
 */
export class Propagation extends pulumi.ComponentResource {
  /** Lines of each type, over all hosts. */
  readonly total: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: PropagationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:code:Propagation", name, {}, opts);
    const command = stepCommand(name, "propagation", args, this);
    this.total = resultField<Record<string, number>>(command, "total");
    this.registerOutputs({ total: this.total });
  }
}
