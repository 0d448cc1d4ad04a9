import * as pulumi from "@pulumi/pulumi";
import type { RehearsalSpec } from "../steps/rehearsal.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Rehearsal is given. */
export type RehearsalArgs = StepArgs<RehearsalSpec>;

/**
 * Does the change, undoes it and does it again on a restored copy, and measures it. Its delete does nothing.
 * @see docs/rehearsal.md
 */
export class Rehearsal extends pulumi.ComponentResource {
  /** What the change is expected to take, as measured on the copy. */
  readonly estimateSeconds: pulumi.Output<number>;

  constructor(name: string, args: RehearsalArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Rehearsal", name, {}, opts);
    const command = stepCommand(name, "rehearsal", args, this);
    this.estimateSeconds = resultField<number>(command, "estimateSeconds");
    this.registerOutputs({ estimateSeconds: this.estimateSeconds });
  }
}
