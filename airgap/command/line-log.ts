import { StringDecoder } from "node:string_decoder";

/** Longest line shown as it is. The official plugin hangs for ever on one over 64 KiB. */
const LONGEST_LINE = 64 * 1024;

/**
 * Turns chunks of output into lines for the log. A line that is too long is shown by its beginning
 * and the number of characters left out; the captured output is not touched by that.
 */
export class LineLog {
  readonly #write: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #dropped = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Takes the next chunk; complete lines are written at once. */
  push(chunk: Buffer): void {
    const pieces = this.#decoder.write(chunk).split("\n");
    for (const [index, piece] of pieces.entries()) {
      this.#append(piece);
      if (index < pieces.length - 1) this.#flush();
    }
  }

  /** Writes what has come since the last line break. */
  end(): void {
    this.#append(this.#decoder.end());
    if (this.#rest !== "") this.#flush();
  }

  #append(piece: string): void {
    const room = LONGEST_LINE - this.#rest.length;
    this.#rest += piece.slice(0, room);
    this.#dropped += Math.max(0, piece.length - room);
  }

  #flush(): void {
    const line = this.#dropped > 0 ? `${this.#rest}… (${this.#dropped} more characters)` : this.#rest;
    this.#rest = "";
    this.#dropped = 0;
    this.#write(line.replace(/\r$/, ""));
  }
}
