import { z } from "zod";
import { Delivery } from "../mail/delivery.ts";
import { composeMessage, type Letter, messageId } from "../mail/message.ts";
import { describeRecipients, type Recipients } from "../mail/recipients.ts";
import { sendMailing } from "../mail/send-mailing.ts";
import { firstLines } from "../mail/template.ts";
import {
  AnnouncementSpec,
  describeDelivery,
  describeMissed,
  mailingOf,
  plural,
  renderLetter,
  withoutWaiting,
} from "./mail/announcement-mail.ts";
import { readRecipients } from "./mail/announcement-recipients.ts";
import { describeUndo, undoAnnouncement } from "./mail/announcement-undo.ts";
import {
  describeWay,
  faultOf,
  journalOf,
  occasionOf,
  sentBefore,
  serverFaults,
  wayOf,
} from "./mail/mail-once.ts";
import { defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export { AnnouncementSpec } from "./mail/announcement-mail.ts";

export const AnnouncementResult = Delivery.extend({
  /** The message without its recipients: path in the evidence folder. */
  artifact: z.string(),
  /** Who is still to get it: the next `up` goes on with them. */
  unfinished: z.array(z.string()).exactOptional(),
});
export type AnnouncementResult = z.infer<typeof AnnouncementResult>;

function describePlan(spec: AnnouncementSpec, letter?: Letter, recipients?: Recipients): string[] {
  return [
    ...(letter ? [`announce, once: ${letter.subject}`] : []),
    ...(recipients ? [`to ${describeRecipients(recipients)}, ${describeWay(spec)}`] : []),
    ...(letter ? firstLines(letter).map((line) => `| ${line}`) : []),
  ];
}

async function observe(spec: AnnouncementSpec, deps: StepDeps): Promise<Observation> {
  const before = sentBefore(announcement, spec, deps);
  const undo = await describeUndo(spec, deps);
  if (before) return { drift: [], plan: (before.unfinished ?? []).slice(), undo, blockers: [] };
  let letter: Letter | undefined;
  let recipients: Recipients | undefined;
  const { correction, from } = spec.announcement;
  const unread = await faultOf(async () => {
    recipients = await readRecipients(spec, deps);
  });
  const people = { from, beyondAscii: recipients?.beyondAscii ?? [] };
  const faults = await Promise.all([
    faultOf(async () => {
      letter = await renderLetter(spec, deps, "template");
    }),
    unread,
    faultOf(async () => correction && (await renderLetter(spec, deps, "correction", correction))),
    serverFaults("announcement", spec, deps, people),
  ]);
  const seconds = recipients && spec.smtp ? recipients.addresses.length / spec.smtp.perSecond : 1;
  return {
    ...{ drift: [], plan: describePlan(spec, letter, recipients), undo, blockers: faults.flat() },
    estimateSeconds: seconds,
  };
}

/** @param again goes on with those of whom something was recorded, and nobody else. */
async function announce(
  spec: AnnouncementSpec,
  deps: StepDeps,
  { again }: { again: boolean },
): Promise<AnnouncementResult> {
  const occasion = occasionOf(spec, deps);
  const { fixedLetter, recipients } = journalOf(spec, occasion);
  const letter = fixedLetter?.letter ?? (await renderLetter(spec, deps, "template"));
  const addresses = again
    ? recipients.map(({ address }) => address)
    : (await readRecipients(spec, deps)).addresses;
  const mailing = mailingOf(spec, occasion, letter, addresses);
  const delivery = await sendMailing(mailing, wayOf(spec, deps, { name: "announcement", open: false }), deps);
  const id = messageId(mailing.from, occasion);
  const content = await composeMessage({ from: mailing.from, to: [], letter, date: deps.now(), id });
  const artifact = await deps.saveArtifact("announcement.eml", content);
  deps.log(`announcement: ${describeDelivery(delivery)}`);
  for (const missed of delivery.missed) deps.log(`announcement: ${describeMissed(missed)}`);
  const { deferred } = delivery;
  return {
    ...{ ...delivery, artifact },
    ...(deferred > 0 ? { unfinished: [`go on with ${plural(deferred)} put off by the mail server`] } : {}),
  };
}

async function apply(spec: AnnouncementSpec, deps: StepDeps): Promise<AnnouncementResult> {
  const before = sentBefore(announcement, spec, deps);
  if (!before) return announce(spec, deps, { again: false });
  if (before.unfinished) return announce(withoutWaiting(spec), deps, { again: true });
  deps.log(`announced before, ${before.at}: not again in this attempt`);
  return before;
}

/**
 * Tells the users of the new interface, once in each attempt. An undo sends a correction, where one is configured, to
 * exactly those who got it.
 * @see runbook 3.5; docs/announcement.md
 */
export const announcement = defineStep({
  name: "announcement",
  spec: AnnouncementSpec,
  result: AnnouncementResult,
  lease: false,
  sendsMail: true,
  deadlineSeconds: 6 * HOUR,
  observe,
  apply,
  undo: (spec, deps, result) => undoAnnouncement(spec, deps, result?.by),
});
