import * as pulumi from "@pulumi/pulumi";
import type { AnnouncementSpec } from "../steps/announcement.ts";
import { resultField, type StepArgs, stepCommand } from "./step-command.ts";

/** What Announcement is given. */
export type AnnouncementArgs = StepArgs<AnnouncementSpec>;

/**
 * Tells the users of the new interface, once in each attempt. Its delete sends the correction, where one is configured,
 * to exactly those who got it.
 * @see runbook 3.5
 */
export class Announcement extends pulumi.ComponentResource {
  /** How many got it. */
  readonly sent: pulumi.Output<number>;
  /** The message in the outbox, relative to the project's root; undefined when it was sent. */
  readonly file: pulumi.Output<string | undefined>;

  constructor(name: string, args: AnnouncementArgs, opts?: pulumi.ComponentResourceOptions) {
    super("deal-type:interface:Announcement", name, {}, opts);
    const command = stepCommand(name, "announcement", args, this);
    this.sent = resultField<number>(command, "sent");
    this.file = resultField<string | undefined>(command, "file");
    this.registerOutputs({ sent: this.sent, file: this.file });
  }
}
