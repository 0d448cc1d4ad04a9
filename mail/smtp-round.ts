import { setTimeout as sleep } from "node:timers/promises";
import { createRateLimit, type RateLimit } from "../processes/rate-limit.ts";
import type { MailDeps, Mailing } from "./delivery.ts";
import type { Outcome, SendJournal } from "./journal.ts";
import { composeMessage, type Letter, messageId } from "./message.ts";
import { SmtpFault, tidyReply } from "./smtp-fault.ts";
import { type SessionOptions, SmtpSession, type Verdict } from "./smtp-session.ts";

/** Broken connections in a row after which the server is taken for broken: the other recipients are left for later. */
const BREAKS = 3;
/** Waits before a server that gives no answer is asked again. */
const PAUSES_MS = [1_000, 4_000];

const timer = {
  now: () => performance.now(),
  sleep: (milliseconds: number, signal: AbortSignal) => sleep(milliseconds, undefined, { signal }),
};

/** Sends a letter to one recipient after the other over one connection, which is opened again when it breaks. */
export class SmtpRound {
  readonly #mailing: Mailing;
  readonly #options: SessionOptions;
  readonly #journal: SendJournal;
  readonly #deps: MailDeps;
  readonly #rate: RateLimit;
  readonly #content: { letter: Letter; date: Date };
  #session: SmtpSession | undefined;
  #breaks = 0;

  constructor(mailing: Mailing, options: SessionOptions, journal: SendJournal, deps: MailDeps) {
    this.#mailing = mailing;
    this.#options = options;
    this.#journal = journal;
    this.#deps = deps;
    this.#rate = createRateLimit(options.smtp.perSecond, timer, deps.signal);
    this.#content = journal.fixedLetter ?? { letter: mailing.letter, date: deps.now() };
    if (!journal.fixedLetter) journal.recordLetter(mailing.letter, this.#content.date);
  }

  /** @throws {SmtpFault} when the server can't be used; what was recorded until then stands. */
  async send(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      await this.#rate.take(1);
      await this.#sendOne(address);
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  async #sendOne(address: string): Promise<void> {
    const { from, occasion } = this.#mailing;
    const id = messageId(from, `${occasion}/${address.toLowerCase()}`);
    const message = await composeMessage({ from, to: [address], ...this.#content, id });
    const note = (state: "sending" | Outcome, reply?: string) =>
      this.#journal.record(
        { address, messageId: id, state, ...(reply === undefined ? {} : { reply }) },
        this.#deps.now(),
      );
    for (;;) {
      const session = await this.#connected();
      const { outcome, reply } = await session.send(from.address, address, message, () => note("sending"));
      if (outcome !== "interrupted") note(outcome, reply);
      this.#countBreak(outcome, reply);
      if (outcome !== "interrupted") return;
    }
  }

  /** A server that breaks off every time would leave everybody unknown, or this process in a circle. */
  #countBreak(outcome: Verdict["outcome"], reply: string): void {
    const broke = outcome === "interrupted" || outcome === "unknown";
    this.#breaks = broke ? this.#breaks + 1 : 0;
    if (broke) this.close();
    if (this.#breaks < BREAKS) return;
    const { step, smtp } = this.#options;
    throw new SmtpFault(
      `${step}: expected ${smtp.host}:${smtp.port} to keep the connection, got ${BREAKS} that broke in a row: ${tidyReply(reply, [])}. ` +
        "Look at the server, then run again: it goes on with those who are left.",
      true,
    );
  }

  async #connected(): Promise<SmtpSession> {
    for (let attempt = 0; ; attempt += 1) {
      this.#deps.signal.throwIfAborted();
      if (this.#session?.open) return this.#session;
      try {
        this.#session = await SmtpSession.open(this.#options);
      } catch (error) {
        const pause = PAUSES_MS[attempt];
        if (pause === undefined || !(error instanceof SmtpFault) || error.final) throw error;
        await timer.sleep(pause, this.#deps.signal);
      }
    }
  }
}
