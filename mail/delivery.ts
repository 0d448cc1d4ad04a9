import { z } from "zod";
import type { SmtpSection } from "../config/mail.ts";
import type { Letter, Sender } from "./message.ts";

/** A recipient who did not get the mail for sure. */
const Missed = z.object({
  /** First 12 hex digits of the SHA-256 of the address in lower case. */
  recipient: z.string(),
  outcome: z.enum(["refused", "deferred", "unknown"]),
  reply: z.string(),
});
export type Missed = z.infer<typeof Missed>;

/** What a mail leaves in evidence and state: numbers, and keys of recipients instead of their addresses. */
export const Delivery = z.object({
  by: z.enum(["smtp", "outbox"]),
  subject: z.string(),
  /** Message in the outbox, relative to the project's root. */
  file: z.string().exactOptional(),
  /** When it began to go out, UTC. */
  at: z.string(),
  recipients: z.number(),
  digest: z.string(),
  sent: z.number(),
  /** Those who did not get it for sure, at most 50 of them. */
  missed: z.array(Missed),
  /** How many there are in all, by what became of them. */
  refused: z.number(),
  deferred: z.number(),
  unknown: z.number(),
  /** File with every address and what became of it, in the evidence folder, readable by its owner alone. */
  journal: z.string().exactOptional(),
});
export type Delivery = z.infer<typeof Delivery>;

/** One mail to many. */
export interface Mailing {
  /** Step that sends, for messages. */
  step: string;
  /** What makes it the same mail if it is sent again. */
  occasion: string;
  from: Sender;
  letter: Letter;
  recipients: readonly string[];
  /** Folder of the evidence. */
  evidence: string;
}

/** By which way a mail goes. */
export type Way =
  | {
      /** Folder of the outbox. */
      outbox: string;
      /** Name of the file, after the date. */
      name: string;
      /** The addresses stand in its To; else beside it, in a file of their own. */
      open: boolean;
    }
  | { smtp: SmtpSection; password: string | undefined };

/** From outside. */
export interface MailDeps {
  log(line: string): void;
  now(): Date;
  signal: AbortSignal;
}
