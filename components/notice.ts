import * as pulumi from "@pulumi/pulumi";
import type { NoticeSpec } from "../steps/notice.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Notice is given. */
export type NoticeArgs = StepArgs<NoticeSpec>;

/**
 * Announces the maintenance, once in each attempt. Its delete keeps what was announced.
 * @see runbook 1.5
 */
export class Notice extends pulumi.ComponentResource {
  /** The message in the outbox, relative to the project's root; undefined when it was sent. */
  readonly file: pulumi.Output<string | undefined>;

  constructor(name: string, args: NoticeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:database:Notice", name, {}, opts);
    const command = stepCommand(name, "notice", args, this);
    this.file = resultField<string | undefined>(command, "file");
    this.registerOutputs({ file: this.file });
  }
}
