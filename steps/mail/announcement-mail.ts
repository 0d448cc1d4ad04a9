import { z } from "zod";
import { AnnouncementSection, RecipientsSection } from "../../config/announcement.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import type { Delivery, Mailing, Missed } from "../../mail/delivery.ts";
import type { Letter, Sender } from "../../mail/message.ts";
import { renderTemplate } from "../../mail/template.ts";
import type { StepDeps } from "../step.ts";
import { MailSpec } from "./mail-once.ts";

export const AnnouncementSpec = MailSpec.extend({
  announcement: AnnouncementSection.omit({ smtp: true, recipients: true }),
  /** Neither file nor query: the addresses that the environment hands over. */
  recipients: RecipientsSection.omit({ addresses: true }),
  /** Address of the application, for the template. */
  appUrl: z.string().min(1),
  /** Values that users choose from, for the template. */
  types: z.array(z.string()),
});
export type AnnouncementSpec = z.infer<typeof AnnouncementSpec>;

/** What a template may name in braces. */
function fieldsOf({ announcement, identity, appUrl, types }: AnnouncementSpec, deps: StepDeps) {
  const date = deps.now().toLocaleDateString("en-US", { dateStyle: "long", timeZone: "UTC" });
  const { application, team } = announcement;
  return { application, team, stack: identity.stack, url: appUrl, date, types: types.join(", ") };
}

/** The announcement, or its correction. @throws {StepError} for a template that can't be used. */
export function renderLetter(
  spec: AnnouncementSpec,
  deps: StepDeps,
  key: "template" | "correction",
  path: string = spec.announcement.template,
): Promise<Letter> {
  const fields = fieldsOf(spec, deps);
  return renderTemplate({
    step: "announcement",
    key: `announcement.${key}`,
    path,
    docs: "docs/announcement.md",
    fields,
  });
}

export const plural = (count: number) =>
  `${count.toLocaleString("en-US")} recipient${count === 1 ? "" : "s"}`;

export const senderOf = ({ announcement: { team, from } }: AnnouncementSpec): Sender => ({
  name: team,
  address: from,
});

/** One mail of this step. */
export function mailingOf(
  spec: AnnouncementSpec,
  occasion: string,
  letter: Letter,
  recipients: readonly string[],
): Mailing {
  const evidence = evidenceFolder(spec.identity.evidenceUrl);
  return { step: "announcement", occasion, from: senderOf(spec), letter, recipients, evidence };
}

/** Whoever is put off is asked once more, and nobody waits. */
export const withoutWaiting = (spec: AnnouncementSpec): AnnouncementSpec =>
  spec.smtp ? { ...spec, smtp: { ...spec.smtp, retries: 0 } } : spec;

/** How it went, in one line. */
export function describeDelivery(delivery: Delivery): string {
  const { sent, file, journal } = delivery;
  const kinds = (["refused", "deferred", "unknown"] as const).filter((kind) => delivery[kind] > 0);
  const rest = kinds.map((kind) => `${delivery[kind]} ${kind}`).join(", ");
  const where =
    file === undefined
      ? `sent to ${plural(sent)}`
      : `written for ${plural(sent)}, to be sent by hand (${file})`;
  return `${where}${rest === "" ? "" : `; ${rest}`}; who they are: ${journal} in the evidence`;
}

export const describeMissed = ({ recipient, outcome, reply }: Missed) =>
  `recipient ${recipient} ${outcome}: ${reply}`;
