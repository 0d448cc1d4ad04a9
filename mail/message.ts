import { sha256Of } from "../system/sha256.ts";
import { domainOf } from "./address.ts";

/** Who writes. */
export interface Sender {
  name: string;
  address: string;
}

/** What is written: the Markdown source as plain text, and as HTML. */
export interface Letter {
  subject: string;
  text: string;
  html: string;
}

/** A message before it is put into its form for the wire. */
export interface Message {
  from: Sender;
  /** None: undisclosed recipients. */
  to: readonly string[];
  letter: Letter;
  date: Date;
  id: string;
}

/** Message-ID of an occasion: the same for the same one, so that it is not announced twice. */
export function messageId({ address }: Sender, occasion: string): string {
  const digest = sha256Of(occasion).slice(0, 32);
  return `<rollout-${digest}@${domainOf(address)}>`;
}

/** The message in the form that mail programs and servers read (RFC 5322): plain text, and HTML beside it. */
export async function composeMessage({ from, to, letter, date, id }: Message): Promise<Buffer> {
  // Loaded by who composes: a preview need not wait for its modules.
  const { default: nodemailer } = await import("nodemailer");
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  const composed = await transport.sendMail({
    ...{ from, ...letter, date, messageId: id },
    to: to.length > 0 ? [...to] : "undisclosed-recipients:;",
    // Nobody's out-of-office reply, and no loop of two machines (RFC 3834).
    headers: { "Auto-Submitted": "auto-generated" },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composed.message as Buffer;
}
