import * as pulumi from "@pulumi/pulumi";
import type { ReviewPageSpec } from "../steps/review-page.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What ReviewPage is given. */
export type ReviewPageArgs = StepArgs<ReviewPageSpec>;

/**
 * Writes the page for the review after the rollout. Its delete keeps it, and what people wrote.
 * @see runbook "Post-Deployment Review"
 */
export class ReviewPage extends pulumi.ComponentResource {
  /** The page, relative to the project's root. */
  readonly html: pulumi.Output<string>;

  constructor(name: string, args: ReviewPageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:validation:ReviewPage", name, {}, opts);
    const command = stepCommand(name, "review-page", args, this);
    this.html = resultField<string>(command, "html");
    this.registerOutputs({ html: this.html });
  }
}
