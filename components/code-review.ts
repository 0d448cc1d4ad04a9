import * as pulumi from "@pulumi/pulumi";
import type { CodeReviewSpec } from "../steps/code-review.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What CodeReview is given. */
export type CodeReviewArgs = StepArgs<CodeReviewSpec>;

/**
 * Reviews commits, files and flag reads of the release that phase 2 deploys. Changes nothing.
 * @see runbook 2.1
 */
export class CodeReview extends pulumi.ComponentResource {
  /** Path of the review in the evidence folder. */
  readonly report: pulumi.Output<string>;

  constructor(name: string, args: CodeReviewArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:code:CodeReview", name, {}, opts);
    const command = stepCommand(name, "code-review", args, this);
    this.report = resultField<string>(command, "report");
    this.registerOutputs({ report: this.report });
  }
}
