import { isLoopback, type SmtpSection } from "../config/mail.ts";
import { StepError } from "../errors/step-error.ts";
import { hideValues } from "../processes/inherited-variables.ts";
import { lineStart } from "../system/plain-line.ts";
import { complaintOf, remedyOf } from "./smtp-reply.ts";

/** What nodemailer says of a failure. */
export interface SmtpError extends Error {
  code?: string;
  originalCode?: string;
  /** Command that it answers: `RCPT TO`, `DATA`, `CONN` where none was in flight. */
  command?: string;
  response?: string;
  responseCode?: number;
}

const CERTIFICATE = /SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS_CERT/;
const REPLY_LENGTH = 200;

/** A server's reply on one line, without password and recipient: a server may repeat what it was told. */
export function tidyReply(reply: string, hidden: readonly string[]): string {
  const secrets = hidden.flatMap((value) => [value, Buffer.from(value).toString("base64")]);
  return lineStart(hideValues(reply, secrets), REPLY_LENGTH);
}

/** Every form in which a password goes over the line. */
export const passwordForms = (user: string, password: string): string[] => [
  password,
  `\0${user}\0${password}`,
  `${user}\0${user}\0${password}`,
];

/** The server can't be used at all: complete, with what to do, without any secret. */
export class SmtpFault extends StepError {
  override name = "SmtpFault";
  /** The server answered and said no: trying again helps nobody. */
  readonly final: boolean;

  constructor(message: string, final: boolean) {
    super(message);
    this.final = final;
  }
}

/** What stands for the reply that the server was not asked for. */
export const NO_SMTPUTF8 =
  "not sent: the mail server offers no SMTPUTF8, which letters beyond ASCII before the @ need";

const ASCII_REMEDY =
  "or have the server offer SMTPUTF8 (a domain may have any letters: it goes out as punycode)";

/** Why nothing can be sent by this server from that address. */
export function senderNeedsUtf8({ step, smtp }: { step: string; smtp: SmtpSection }, from: string): string {
  return (
    `${step}: expected ${smtp.host}:${smtp.port} to offer SMTPUTF8 for the sender ${from}, got a server without it. ` +
    `Use ASCII letters before the @ in ${step}.from, ${ASCII_REMEDY}.`
  );
}

/** Why these recipients can't be reached by this server; they are named by their places, for addresses are nobody's business. */
export function recipientsNeedUtf8(
  { step, smtp }: { step: string; smtp: SmtpSection },
  places: string,
): string {
  return (
    `${step}: expected ${smtp.host}:${smtp.port} to offer SMTPUTF8 for recipients with letters beyond ASCII before the @, ` +
    `got a server without it: ${places}. Correct or leave out these addresses, ${ASCII_REMEDY}.`
  );
}

/** Why the server at this address can't be used, in the step's name. */
export function explainFault(
  step: string,
  smtp: SmtpSection,
  error: SmtpError,
  hidden: readonly string[],
): SmtpFault {
  const where = `${smtp.host}:${smtp.port}`;
  const got = tidyReply(error.response ?? error.message, hidden);
  const fault = (expected: string, remedy: string, final = true) =>
    new SmtpFault(`${step}: expected ${expected}, got: ${got}. ${remedy}`, final);
  if (error.code === "EAUTH") {
    return fault(
      `${where} to let ${smtp.user} in`,
      "Correct smtp.user, or set the password: pulumi config set --secret smtpPassword",
    );
  }
  if (CERTIFICATE.test(error.originalCode ?? "")) {
    return fault(
      `a certificate of ${where} that this machine trusts`,
      "Name its authority's PEM file in smtp.ca, or correct smtp.host.",
    );
  }
  if (error.code === "ETLS" && error.command === "STARTTLS") {
    const open = isLoopback(smtp) ? "security none" : "security none with allowInsecure";
    return fault(`${where} to offer STARTTLS`, `Correct smtp.port and smtp.security (tls, or ${open}).`);
  }
  if (error.command === "MAIL FROM") {
    const complaint = complaintOf(got, "MAIL FROM");
    const from = complaint === "login" ? "without another login" : "from this sender";
    return fault(`${where} to take mail ${from}`, remedyOf(complaint, step, smtp.user));
  }
  return fault(
    `an answer from the mail server ${where}`,
    "Is it up? Correct smtp in the stack config.",
    false,
  );
}
