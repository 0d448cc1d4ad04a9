import * as pulumi from "@pulumi/pulumi";
import type { ReviewSpec } from "../steps/review.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Review is given. */
export type ReviewArgs = StepArgs<ReviewSpec>;

/**
 * Reviews what phase 1 is about to do, and who will notice, before anything is changed. Changes nothing.
 * @see runbook 1.1
 */
export class Review extends pulumi.ComponentResource {
  /** Findings for a person to judge. */
  readonly notes: pulumi.Output<number>;

  constructor(name: string, args: ReviewArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Review", name, {}, opts);
    const command = stepCommand(name, "review", args, this);
    this.notes = resultField<number>(command, "notes");
    this.registerOutputs({ notes: this.notes });
  }
}
