import * as pulumi from "@pulumi/pulumi";
import type { DocumentationCheckSpec } from "../steps/documentation-check.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What DocumentationCheck is given. */
export type DocumentationCheckArgs = StepArgs<DocumentationCheckSpec>;

/**
 * Checks that the release holds its users' documentation. Changes nothing.
 * @see runbook 3.6
 */
export class DocumentationCheck extends pulumi.ComponentResource {
  /** Commit whose documentation was found whole. */
  readonly release: pulumi.Output<string>;

  constructor(name: string, args: DocumentationCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:interface:DocumentationCheck", name, {}, opts);
    const command = stepCommand(name, "documentation-check", args, this);
    this.release = resultField<string>(command, "release");
    this.registerOutputs({ release: this.release });
  }
}
