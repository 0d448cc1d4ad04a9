import { existsSync, fsyncSync, ftruncateSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { evidencePart } from "../ledger/store.ts";
import { explainFullDisk, syncFolder, withFile } from "../system/durable-file.ts";
import { sha256Of } from "../system/sha256.ts";
import type { Letter } from "./message.ts";

/**
 * What became of one recipient's message. `refused`: for good. `deferred`: put off to the end. `unknown`: the connection
 * or this process ended before the server's answer: it may have arrived.
 */
const OUTCOMES = ["sent", "refused", "deferred", "unknown"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The letter as it goes out, the same for everyone. */
interface LetterLine {
  record: "letter";
  at: string;
  letter: Letter;
}

interface RecipientLine {
  record: "recipient";
  at: string;
  address: string;
  messageId: string;
  /** `sending` is on disk before the server gets the first byte of the message. */
  state: "sending" | Outcome;
  /** What the server said. */
  reply?: string;
}

type JournalLine = LetterLine | RecipientLine;

/** What is known of one recipient. */
export interface Recipient {
  address: string;
  messageId: string;
  outcome: Outcome;
  reply?: string;
}

/** How a recipient is called where no address may be: in the evidence's records, in Pulumi's state, in output. */
export const recipientKey = (address: string): string => sha256Of(address.toLowerCase()).slice(0, 12);

const nameOf = (occasion: string) => `${occasion.replaceAll(/[^A-Za-z0-9._-]+/g, "-")}.jsonl`;

/** Whole lines of the journal, and its length up to their end. */
function readLines(path: string): { lines: JournalLine[]; whole: number } {
  if (!existsSync(path)) return { lines: [], whole: 0 };
  const content = readFileSync(path);
  const whole = content.lastIndexOf(0x0a) + 1;
  const lines = content.subarray(0, whole).toString("utf8").split("\n");
  return { lines: lines.filter((line) => line !== "").map((line) => JSON.parse(line) as JournalLine), whole };
}

/**
 * Who was sent what, line by line on disk, before and after each message: what makes "once" hold through any crash.
 * One file for each occasion in the evidence folder, readable by its owner alone, the only place that keeps addresses.
 */
export class SendJournal {
  /** Path of the file, to be shown. */
  readonly path: string;
  readonly #recipients = new Map<string, Recipient>();
  #letter: LetterLine | undefined;
  #length: number;

  private constructor(path: string) {
    this.path = path;
    const { lines, whole } = readLines(path);
    this.#length = whole;
    for (const line of lines) this.#take(line);
  }

  /** @param folder of the evidence. */
  static open(folder: string, occasion: string): SendJournal {
    return new SendJournal(join(evidencePart(folder, "mail"), nameOf(occasion)));
  }

  /** Every recipient that anything was recorded of, in order. */
  get recipients(): Recipient[] {
    return [...this.#recipients.values()];
  }

  /** What was written, and when, as soon as anybody has got it or may have: from then on it is the same for all. */
  get fixedLetter(): { letter: Letter; date: Date } | undefined {
    const begun = this.recipients.some(({ outcome }) => outcome === "sent" || outcome === "unknown");
    return begun && this.#letter
      ? { letter: this.#letter.letter, date: new Date(this.#letter.at) }
      : undefined;
  }

  outcomeOf(address: string): Outcome | undefined {
    return this.#recipients.get(recipientKey(address))?.outcome;
  }

  recordLetter(letter: Letter, at: Date): void {
    this.#append({ record: "letter", at: at.toISOString(), letter });
  }

  record(line: Omit<RecipientLine, "record" | "at">, at: Date): void {
    this.#append({ record: "recipient", at: at.toISOString(), ...line });
  }

  #take(line: JournalLine): void {
    if (line.record === "letter") {
      this.#letter = line;
      return;
    }
    const { address, messageId, state, reply } = line;
    const outcome = state === "sending" ? "unknown" : state;
    this.#recipients.set(recipientKey(address), {
      ...{ address, messageId, outcome },
      ...(reply === undefined ? {} : { reply }),
    });
  }

  #append(line: JournalLine): void {
    const folder = dirname(this.path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const content = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      withFile(this.path, "a", (file) => {
        // Off with a line that a crash or a full disk cut off: nothing had been sent on its word.
        ftruncateSync(file, this.#length);
        // Writes on until all of it is there: a single write to a disk that runs full ends early, without an error.
        writeFileSync(file, content);
        fsyncSync(file);
      });
    } catch (error) {
      throw explainFullDisk(error, "the journal of what was sent", folder);
    }
    if (this.#length === 0) syncFolder(folder);
    this.#length += content.length;
    this.#take(line);
  }
}
