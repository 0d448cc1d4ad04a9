import { StepError } from "../../errors/step-error.ts";
import type { Delivery } from "../../mail/delivery.ts";
import type { SendJournal } from "../../mail/journal.ts";
import { messageId } from "../../mail/message.ts";
import { findMessage } from "../../mail/outbox.ts";
import { sendMailing } from "../../mail/send-mailing.ts";
import type { StepDeps, UndoResult } from "../step.ts";
import {
  type AnnouncementSpec,
  describeDelivery,
  mailingOf,
  plural,
  renderLetter,
  senderOf,
  withoutWaiting,
} from "./announcement-mail.ts";
import { describeWay, faultOf, journalOf, liveEntry, occasionOf, wayOf } from "./mail-once.ts";

const sentIn = (journal: SendJournal) =>
  journal.recipients.filter(({ outcome }) => outcome === "sent").map(({ address }) => address);

const unknownIn = (journal: SendJournal): UndoResult["kept"] => {
  const count = journal.recipients.filter(({ outcome }) => outcome === "unknown").length;
  const reason = `whether they got the announcement is unknown, so no correction was sent to them; see ${journal.path}`;
  return count === 0 ? [] : [{ subject: plural(count), reason }];
};

/** A message that a run which was killed wrote into the outbox and nowhere else: somebody may hand it on. */
function unrecordedIn(spec: AnnouncementSpec, occasion: string): UndoResult["kept"] {
  if (spec.smtp) return [];
  const file = findMessage(spec.outbox, messageId(senderOf(spec), occasion));
  const reason =
    "its run was killed before it recorded who it is for. Remove it, or tell those to whom it was handed on";
  return file === undefined ? [] : [{ subject: file, reason }];
}

/** What going back would do to those who got it, or will. */
export async function describeUndo(spec: AnnouncementSpec, deps: StepDeps): Promise<string[]> {
  const sent = liveEntry(spec, deps) ? sentIn(journalOf(spec, occasionOf(spec, deps))).length : undefined;
  const whom = sent === undefined ? "those who got the announcement" : plural(sent);
  const { correction } = spec.announcement;
  if (sent === 0) return [];
  if (correction === undefined)
    return [`keep the announcement: ${whom} can't be made to forget it, and no correction is configured`];
  let subject = "";
  const [fault] = await faultOf(async () => {
    ({ subject } = await renderLetter(spec, deps, "correction", correction));
  });
  return [fault ?? `send the correction "${subject}" to ${whom}, ${describeWay(spec)}`];
}

/** Sends it the way that the announcement went. Going back waits for nobody who is put off. */
async function correct(
  spec: AnnouncementSpec,
  deps: StepDeps,
  path: string,
  got: string[],
  by?: Delivery["by"],
) {
  const letter = await renderLetter(spec, deps, "correction", path);
  const mailing = mailingOf(spec, `${occasionOf(spec, deps)}/correction`, letter, got);
  const { smtp: _, ...written } = spec;
  const likewise = by === "outbox" ? written : withoutWaiting(spec);
  return sendMailing(mailing, wayOf(likewise, deps, { name: "correction", open: false }), deps);
}

/**
 * Sends the correction to exactly those who got the announcement, by what was recorded of each of them, also after a run
 * that broke off. @param by way that the announcement went, where its step ended.
 */
export async function undoAnnouncement(
  spec: AnnouncementSpec,
  deps: StepDeps,
  by?: Delivery["by"],
): Promise<UndoResult> {
  const occasion = occasionOf(spec, deps);
  const journal = journalOf(spec, occasion);
  const got = sentIn(journal);
  const unknown = unknownIn(journal);
  if (got.length === 0)
    return { summary: "nothing was announced", kept: [...unknown, ...unrecordedIn(spec, occasion)] };
  const subject = `the announcement to ${plural(got.length)}`;
  const keep = (reason: string) => ({
    summary: `kept ${subject}`,
    kept: [{ subject, reason: `${reason}. Their addresses are in ${journal.path}` }, ...unknown],
  });
  const { correction } = spec.announcement;
  if (correction === undefined) return keep("what has gone out can't be taken back: tell them yourself");
  try {
    const delivery = await correct(spec, deps, correction, got, by);
    const summary = `corrected ${subject}: ${describeDelivery(delivery)}`;
    const kept = delivery.missed.map((missed) => ({
      subject: `recipient ${missed.recipient} of the announcement`,
      reason: `the correction was not delivered for sure, ${missed.outcome}: ${missed.reply}`,
    }));
    return { summary, kept: [...kept, ...unknown] };
  } catch (error) {
    // A mail server that is down must not keep anyone from going back.
    if (!(error instanceof StepError)) throw error;
    return keep(`the correction did not go out to all of them: ${error.message}`);
  }
}
