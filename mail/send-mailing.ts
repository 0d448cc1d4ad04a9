import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../errors/step-error.ts";
import { writeReport } from "../ledger/report-file.ts";
import type { Delivery, MailDeps, Mailing, Missed, Way } from "./delivery.ts";
import { type Outcome, recipientKey, SendJournal } from "./journal.ts";
import { composeMessage, messageId } from "./message.ts";
import { findMessage, putMessage } from "./outbox.ts";
import { recipientsDigest } from "./recipients.ts";
import { complaintOf, remedyOf } from "./smtp-reply.ts";
import { SmtpRound } from "./smtp-round.ts";

type SmtpWay = Extract<Way, { smtp: unknown }>;
type OutboxWay = Extract<Way, { outbox: unknown }>;

/** Recipients that a result names; the journal has all of them. */
const SHOWN = 50;

/**
 * Nobody who has got it, and nobody who may have, unless the config says so. A refusal is the recipient's as soon as
 * somebody else got the mail; before that it may be the sender's, and what was corrected since deserves another try.
 */
function whoIsLeft(mailing: Mailing, journal: SendJournal, { smtp }: SmtpWay): string[] {
  const settled: Outcome[] = smtp.onUnknown === "resend" ? ["sent"] : ["sent", "unknown"];
  if (journal.fixedLetter) settled.push("refused");
  return mailing.recipients.filter((address) => {
    const outcome = journal.outcomeOf(address);
    return outcome === undefined || !settled.includes(outcome);
  });
}

/** Those whom another try may reach: put off by the server, and unknown ones where the config says so. */
function whoIsPutOff(addresses: string[], journal: SendJournal, { smtp }: SmtpWay): string[] {
  const again: Outcome[] = smtp.onUnknown === "resend" ? ["deferred", "unknown"] : ["deferred"];
  return addresses.filter((address) => again.includes(journal.outcomeOf(address) ?? "sent"));
}

async function sendBySmtp(mailing: Mailing, way: SmtpWay, journal: SendJournal, deps: MailDeps) {
  const { retries, retrySeconds } = way.smtp;
  const round = new SmtpRound(mailing, { step: mailing.step, ...way }, journal, deps);
  try {
    let left = whoIsLeft(mailing, journal, way);
    for (let again = 0; left.length > 0 && again <= retries; again += 1) {
      if (again > 0) {
        deps.log(
          `${mailing.step}: ${left.length} put off by the server, tried again in ${retrySeconds} s (${again} of ${retries})`,
        );
        round.close();
        await sleep(retrySeconds * 1000, undefined, { signal: deps.signal });
      }
      await round.send(left);
      left = whoIsPutOff(left, journal, way);
    }
  } finally {
    round.close();
  }
}

async function writeToOutbox(mailing: Mailing, way: OutboxWay, journal: SendJournal, deps: MailDeps) {
  const { from, letter, recipients, occasion } = mailing;
  const date = deps.now();
  const id = messageId(from, occasion);
  const write = async () => {
    const to = way.open ? recipients : [];
    const content = await composeMessage({ from, to, letter, date, id });
    return putMessage(way.outbox, `${date.toISOString().slice(0, 10)}-${way.name}`, content);
  };
  // Who broke off after writing finds what was written.
  const file = findMessage(way.outbox, id) ?? (await write());
  if (way.open) return file;
  writeReport(file.replace(/\.eml$/, ".recipients.txt"), `${recipients.join("\n")}\n`);
  if (!journal.fixedLetter) journal.recordLetter(letter, date);
  for (const address of recipients) {
    if (journal.outcomeOf(address) !== "sent")
      journal.record({ address, messageId: id, state: "sent" }, date);
  }
  return file;
}

function summarise(mailing: Mailing, journal: SendJournal, rest: Pick<Delivery, "by" | "file">, now: Date) {
  const all = journal.recipients;
  const count = (outcome: Outcome) => all.filter((recipient) => recipient.outcome === outcome).length;
  const missed = all.flatMap(({ address, outcome, reply = "no answer was recorded" }): Missed[] =>
    outcome === "sent" ? [] : [{ recipient: recipientKey(address), outcome, reply }],
  );
  const { letter, date } = journal.fixedLetter ?? { letter: mailing.letter, date: now };
  return {
    ...rest,
    ...{ subject: letter.subject, at: date.toISOString() },
    ...{ recipients: mailing.recipients.length, digest: recipientsDigest(mailing.recipients) },
    ...{ sent: count("sent"), missed: missed.slice(0, SHOWN) },
    ...{ refused: count("refused"), deferred: count("deferred"), unknown: count("unknown") },
    ...(all.length > 0 ? { journal: relative(mailing.evidence, journal.path) } : {}),
  };
}

/**
 * Sends a mail to each of its recipients once, through crashes and repeated runs: each message is recorded on disk
 * before its first byte goes out and again with the server's answer, and the record decides. Recipients that are refused
 * are listed and the others go on; those that are put off are tried again a few times.
 * @throws {StepError} when the server can't be used, or nobody can be reached at all: run again, it goes on.
 */
export async function sendMailing(mailing: Mailing, way: Way, deps: MailDeps): Promise<Delivery> {
  const journal = SendJournal.open(mailing.evidence, mailing.occasion);
  if ("outbox" in way) {
    const file = await writeToOutbox(mailing, way, journal, deps);
    return summarise(mailing, journal, { by: "outbox", file }, deps.now());
  }
  await sendBySmtp(mailing, way, journal, deps);
  const delivery = summarise(mailing, journal, { by: "smtp" }, deps.now());
  if (delivery.sent + delivery.unknown > 0) return delivery;
  const [first] = delivery.missed;
  const complaint = complaintOf(first?.reply ?? "", "RCPT TO");
  const remedy =
    complaint === "recipient"
      ? `Correct smtp, ${mailing.step}.from or the recipients`
      : remedyOf(complaint, mailing.step, way.smtp.user).replace(/\.$/, "");
  throw new StepError(
    `${mailing.step}: expected the mail server to take the mail for at least one of ${delivery.recipients} recipients, got ${first?.outcome}: ${first?.reply}. ` +
      `${remedy}, and run again: nobody has got it yet.`,
  );
}
