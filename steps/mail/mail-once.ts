import { SmtpSection } from "../../config/mail.ts";
import { StepError } from "../../errors/step-error.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import { ReportPath } from "../../ledger/report-file.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { needsSmtpUtf8 } from "../../mail/address.ts";
import type { Way } from "../../mail/delivery.ts";
import { SendJournal } from "../../mail/journal.ts";
import { placed } from "../../mail/recipients.ts";
import { recipientsNeedUtf8, senderNeedsUtf8 } from "../../mail/smtp-fault.ts";
import { SmtpSession } from "../../mail/smtp-session.ts";
import { type RecordingStep, resultOf } from "../recorded.ts";
import { BaseSpec, type StepDeps } from "../step.ts";

/** What every step that sends mail is told: the server, or else the folder that messages are written to. */
export const MailSpec = BaseSpec.extend({ smtp: SmtpSection.optional(), outbox: ReportPath });
export type MailSpec = ReturnType<typeof MailSpec.parse>;

/** Longest look at the mail server in a preview. */
const LOOK_MS = 5_000;

/** The step's entry in this attempt; undefined when nothing of it is left. */
export function liveEntry({ identity }: BaseSpec, { evidence }: StepDeps): Entry | undefined {
  const own = evidence.entries().get(entryKey(identity));
  return own?.state === "undone" ? undefined : own;
}

/** What was sent in this attempt: an undo forgets it, a repair or another config does not. */
export function sentBefore<Recorded extends object>(
  step: RecordingStep<Recorded>,
  spec: BaseSpec,
  deps: StepDeps,
): Recorded | undefined {
  return resultOf(step, liveEntry(spec, deps));
}

/** Names the mail of this attempt: the same through repairs and broken runs, another after an undo. */
export function occasionOf({ identity }: BaseSpec, deps: StepDeps): string {
  const own = deps.evidence.entries().get(entryKey(identity));
  return `${identity.stack}/${entryKey(identity)}/${own?.since ?? 0}`;
}

/** Who was sent what on an occasion of this step. */
export function journalOf({ identity }: BaseSpec, occasion: string): SendJournal {
  return SendJournal.open(evidenceFolder(identity.evidenceUrl), occasion);
}

/** By which way the step's mail goes. */
export function wayOf(
  { smtp, outbox }: MailSpec,
  deps: StepDeps,
  file: { name: string; open: boolean },
): Way {
  return smtp ? { smtp, password: deps.mail?.password } : { outbox, ...file };
}

/** `by mail.example.com:587 (starttls)` or `into reports/production/outbox` */
export function describeWay({ smtp, outbox }: MailSpec): string {
  return smtp ? `by ${smtp.host}:${smtp.port} (${smtp.security})` : `into ${outbox}`;
}

/** Who writes, and the places of recipients with letters that not every server takes. */
interface People {
  from: string;
  beyondAscii: readonly string[];
}

/**
 * Why the mail server would refuse: connection, certificate and login are tried, and whether it takes every address;
 * nothing is sent. Before the phase begins a wrong password is a line in the preview; later it would be half a rollout.
 */
export async function serverFaults(
  step: string,
  { smtp }: MailSpec,
  deps: StepDeps,
  { from, beyondAscii }: People,
): Promise<string[]> {
  if (!smtp) return [];
  const faults: string[] = [];
  const refused = await faultOf(async () => {
    const session = await SmtpSession.open({ step, smtp, password: deps.mail?.password, timeoutMs: LOOK_MS });
    session.close();
    if (session.takesEveryLetter) return;
    if (needsSmtpUtf8(from)) faults.push(senderNeedsUtf8({ step, smtp }, from));
    if (beyondAscii.length > 0) faults.push(recipientsNeedUtf8({ step, smtp }, placed(beyondAscii)));
  });
  return [...refused, ...faults];
}

/** The message of what a person can mend; anything else is thrown. */
export async function faultOf(look: () => Promise<unknown>): Promise<string[]> {
  try {
    await look();
    return [];
  } catch (error) {
    if (error instanceof StepError) return [error.message];
    throw error;
  }
}
