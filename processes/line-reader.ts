import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";

/** A line of a file, without its line break. */
export interface Line {
  text: string;
  /** Bytes up to and with its line break. */
  end: number;
  /** False for a last line without a line break: one that was cut off. */
  complete: boolean;
}

export interface LineOptions {
  /** Characters that are kept of a line; the rest of it is passed over. Default 16 Mi. */
  longest?: number;
  /** Another stream than the file's own bytes, e.g. one that unpacks it. */
  stream?: Readable;
}

const NEWLINE = 10;

/** The lines of a file one by one: memory holds a piece of it and one line, whatever the file's size. */
export async function* readLines(
  file: string,
  { longest = 1 << 24, stream = createReadStream(file, { highWaterMark: 1 << 18 }) }: LineOptions = {},
): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let end = 0;
  const hold = (piece: Buffer) => {
    // A character takes up to four bytes.
    const room = longest * 4 - heldBytes;
    if (room > 0) held.push(piece.length > room ? piece.subarray(0, room) : piece);
    heldBytes += piece.length;
  };
  const take = (complete: boolean): Line => {
    end += heldBytes + (complete ? 1 : 0);
    const text = (held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held)).toString("utf8");
    held = [];
    heldBytes = 0;
    return { text: text.length > longest ? text.slice(0, longest) : text, end, complete };
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      hold(chunk.subarray(from, at));
      yield take(true);
      from = at + 1;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (heldBytes > 0) yield take(false);
}
