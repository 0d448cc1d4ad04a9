import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmtpSection } from "../config/mail.ts";
import { StepError } from "../errors/step-error.ts";
import { needsSmtpUtf8, onTheLine } from "./address.ts";
import type { Outcome } from "./journal.ts";
import {
  explainFault,
  NO_SMTPUTF8,
  passwordForms,
  type SmtpError,
  SmtpFault,
  senderNeedsUtf8,
  tidyReply,
} from "./smtp-fault.ts";

/** What a session needs to come about. */
export interface SessionOptions {
  /** Step that asks, for messages. */
  step: string;
  smtp: SmtpSection;
  /** Password of `smtp.user`, a secret. */
  password?: string | undefined;
  /** Shorter than `smtp.timeoutSeconds`, for a look. */
  timeoutMs?: number;
}

/** How one message went; `interrupted`: it broke before any of it was given away, so nobody has got it. */
export interface Verdict {
  outcome: Outcome | "interrupted";
  /** What the server said, without the recipient's address. */
  reply: string;
}

function readAuthority({ step, smtp: { ca } }: SessionOptions): { ca?: string } {
  if (ca === undefined) return {};
  try {
    return { ca: readFileSync(ca, "utf8") };
  } catch (cause) {
    throw new StepError(
      `${step}: expected a PEM file in ${ca}, got none that can be read. Correct smtp.ca.`,
      {
        cause,
      },
    );
  }
}

function connectionOptions(options: SessionOptions) {
  const { host, port, security, timeoutSeconds } = options.smtp;
  const timeout = Math.min(timeoutSeconds * 1000, options.timeoutMs ?? Number.POSITIVE_INFINITY);
  return {
    ...{ host, port, secure: security === "tls", requireTLS: security === "starttls" },
    ignoreTLS: security === "none",
    ...{ connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout, dnsTimeout: timeout },
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: a password goes over this line.
    tls: { ...readAuthority(options), rejectUnauthorized: true, minVersion: "TLSv1.2" as const },
  };
}

/**
 * The reply without anybody's address: a server says it in letters of its own, names the mailbox alone, or tells where it
 * forwards to, and replies go into records and Pulumi's state.
 */
function withoutPeople(reply: string, to: string): string {
  const mailbox = to.slice(0, to.lastIndexOf("@")).replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return reply
    .replaceAll(/[^\s<>()[\],;:"]+@[^\s<>()[\],;:"]+/g, "recipient")
    .replaceAll(new RegExp(`(?<![\\w.-])${mailbox}(?![\\w-])`, "giu"), "recipient");
}

/** Settles by a callback, or by the connection's error, which comes without one. */
function answered<T>(
  connection: SMTPConnection,
  start: (done: (error?: Error | null, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null, value?: T) => {
      connection.off("error", settle);
      connection.off("end", ended);
      if (error) reject(error);
      else resolve(value as T);
    };
    // A last reply that ended the connection is told right after it.
    const ended = () => setImmediate(settle, new Error("the connection was closed"));
    connection.on("error", settle);
    connection.on("end", ended);
    start(settle);
  });
}

/** An open, encrypted, logged-in connection to the mail server: one message after the other. */
export class SmtpSession {
  readonly #connection: SMTPConnection;
  readonly #options: SessionOptions;
  readonly #hidden: readonly string[];
  #open = true;

  private constructor(connection: SMTPConnection, options: SessionOptions, hidden: readonly string[]) {
    this.#connection = connection;
    this.#options = options;
    this.#hidden = hidden;
    connection.on("error", () => undefined);
    connection.once("end", () => {
      this.#open = false;
    });
  }

  /** @throws {SmtpFault} with the reason and remedy, without the password. */
  static async open(options: SessionOptions): Promise<SmtpSession> {
    const { step, smtp, password = "" } = options;
    const hidden = password === "" ? [] : passwordForms(smtp.user ?? "", password);
    const { default: Connection } = await import("nodemailer/lib/smtp-connection");
    const connection: SMTPConnection = new Connection(connectionOptions(options));
    try {
      await answered(connection, (done) => connection.connect(done));
      const { user } = smtp;
      if (user !== undefined)
        await answered(connection, (done) => connection.login({ user, pass: password }, done));
      return new SmtpSession(connection, options, hidden);
    } catch (error) {
      connection.close();
      throw explainFault(step, smtp, error as SmtpError, hidden);
    }
  }

  get open(): boolean {
    return this.#open;
  }

  /** It takes addresses with letters beyond ASCII before the @. */
  get takesEveryLetter(): boolean {
    // nodemailer keeps what the server offers to itself; it looks there to decide what it puts on the line.
    const { _supportedExtensions: offered } = this.#connection as unknown as {
      _supportedExtensions: string[];
    };
    return offered.includes("SMTPUTF8");
  }

  /**
   * Hands a message over for one recipient.
   * @param beforeData called before its first byte goes out: from then on its outcome may become unknown.
   * @throws {SmtpFault} when the server takes nothing from this sender.
   */
  async send(from: string, to: string, message: Buffer, beforeData: () => void): Promise<Verdict> {
    if (!this.takesEveryLetter) {
      if (needsSmtpUtf8(from)) throw new SmtpFault(senderNeedsUtf8(this.#options, from), true);
      // Nothing of it goes out: the raw bytes might reach somebody else.
      if (needsSmtpUtf8(to)) return { outcome: "refused", reply: NO_SMTPUTF8 };
    }
    let begun = false;
    const stream = new Readable({
      // Nothing reads it before the server has said to go on with DATA.
      read() {
        begun = true;
        beforeData();
        this.push(message);
        this.push(null);
      },
    });
    try {
      const { response } = await answered<SMTPConnection.SentMessageInfo>(this.#connection, (done) =>
        this.#connection.send(
          { from: onTheLine(from), to: [onTheLine(to)], size: message.length },
          stream,
          done,
        ),
      );
      return { outcome: "sent", reply: this.#tidy(response, to) };
    } catch (error) {
      const verdict = this.#judge(error as SmtpError, begun, to);
      await this.#reset();
      return verdict;
    }
  }

  /** What the server began for the last message is no part of the next one. */
  async #reset(): Promise<void> {
    try {
      if (this.#open) await answered(this.#connection, (done) => this.#connection.reset(done));
    } catch {
      this.#connection.close();
      this.#open = false;
    }
  }

  close(): void {
    if (this.#open) this.#connection.quit();
    this.#open = false;
  }

  #tidy = (reply: string, to: string) => tidyReply(withoutPeople(reply, to), this.#hidden);

  /** A reply decides. Without one the message may have arrived as soon as any of it was given away. */
  #judge(error: SmtpError, begun: boolean, to: string): Verdict {
    const { responseCode = 0, command } = error;
    if (command === "MAIL FROM" && responseCode >= 500)
      throw explainFault(this.#options.step, this.#options.smtp, error, this.#hidden);
    const reply = this.#tidy(error.response ?? error.message, to);
    if (responseCode >= 500) return { outcome: "refused", reply };
    if (responseCode >= 400) return { outcome: "deferred", reply };
    // An address that can't be put on the line, or a message larger than the server takes: it is not even asked.
    if (!begun && /^(EENVELOPE|EMESSAGE)$/.test(error.code ?? "")) return { outcome: "refused", reply };
    return { outcome: begun ? "unknown" : "interrupted", reply };
  }
}
