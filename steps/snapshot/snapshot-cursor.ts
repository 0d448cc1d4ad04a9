import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StepError } from "../../errors/step-error.ts";

const PIECE = 1 << 18;
const NEWLINE = 10;
const QUOTE = 34;
const BACKSLASH = 92;
const NULL = 110;
/** What a line begins with, and what stands between its members. Lines are compact: `describeRow` wrote them. */
const [KEY, TYPE, ROW, OUTPUTS, FAILED] = ['{"key":', ',"type":', ',"row":"', ',"outputs":', ',"error":'].map(
  (text) => Buffer.from(text),
) as [Buffer, Buffer, Buffer, Buffer, Buffer];
const ROW_BYTES = 16;
/** Texts of keys that JSON writes as they are. */
const PLAIN = /^"[ !#-[\]-~]*"$/;

const startsWith = (buffer: Buffer, at: number, what: Buffer) => {
  for (let index = 0; index < what.length; index += 1) {
    if (buffer[at + index] !== what[index]) return false;
  }
  return true;
};

/** A file that a snapshot was kept as, with what is known of it. */
export interface SnapshotFile {
  path: string;
  /** Of the file as it lies there; it is read to its end before anything that was found in it counts. */
  sha256: string;
}

/**
 * A finished snapshot, line by line, as bytes: only what a comparison asks for is ever made a text. Memory holds a
 * piece of the file and one line.
 */
export class SnapshotCursor {
  /** Deals read so far. */
  count = 0;
  key = "";
  /** Undefined in a line of an older release. */
  type: string | null | undefined;
  failed = false;
  /** Bytes of the current line: its answers, or its error, lie from `from` to `to`. */
  bytes: Buffer = Buffer.alloc(0);
  from = 0;
  to = 0;
  readonly path: string;
  #start = 0;
  #next = 0;
  #row = -1;
  #ended = false;
  readonly #sha256: string;
  readonly #hash: Hash = createHash("sha256");
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #types = new Map<string, string | null>();

  constructor({ path, sha256 }: SnapshotFile) {
    this.path = path;
    this.#sha256 = sha256;
    const packed = this.#readPacked();
    // Unpacked in threads of their own while the lines before are compared.
    const unpack = { chunkSize: PIECE, highWaterMark: 4 * PIECE };
    const stream = path.endsWith(".gz") ? pipeline(packed, createGunzip(unpack), () => undefined) : packed;
    this.#pieces = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async *#readPacked(): AsyncGenerator<Buffer> {
    for await (const piece of createReadStream(this.path, {
      highWaterMark: PIECE,
    }) as AsyncIterable<Buffer>) {
      this.#hash.update(piece);
      yield piece;
    }
  }

  /** Goes to the next line if it is in memory; false says that `next` has to be waited for. */
  advance(): boolean {
    const end = this.bytes.indexOf(NEWLINE, this.#next);
    if (end < 0) return false;
    this.#start = this.#next;
    this.#next = end + 1;
    this.count += 1;
    this.#readHead(end);
    return true;
  }

  /** Goes to the next line. False at the file's end, once every byte was the one that was kept. */
  async next(): Promise<boolean> {
    while (!this.advance()) {
      if (this.#ended) return false;
      await this.#fill();
    }
    return true;
  }

  /** Digest of the row's other columns; undefined in a line of an older release. */
  get row(): string | undefined {
    return this.#row < 0 ? undefined : this.bytes.toString("latin1", this.#row, this.#row + ROW_BYTES);
  }

  /** JSON of the answers, or of the error. */
  get json(): string {
    return this.bytes.toString("utf8", this.from, this.to);
  }

  /** Ends the reading before the file's end. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#pieces.next().catch((cause) => this.#damaged("a file", { cause }));
    const rest = this.bytes.subarray(this.#next);
    if (!done) {
      this.bytes = rest.length === 0 ? value : Buffer.concat([rest, value]);
      this.#next = 0;
      return;
    }
    this.#ended = true;
    if (this.#hash.digest("hex") !== this.#sha256) this.#damaged("the bytes that were kept");
    if (rest.length > 0) this.#damaged("a line break at its end");
  }

  #damaged(what: string, options?: ErrorOptions): never {
    throw new StepError(
      `snapshot: expected ${what} after ${this.count} deals of ${this.path}, got something else. ` +
        "The file was changed since it was taken: restore it from a copy of the evidence.",
      options,
    );
  }

  /** Position after the text that begins at `at`, its quotes included. */
  #textEnd(at: number, end: number): number {
    for (let index = at + 1; index < end; index += 1) {
      const byte = this.bytes[index];
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) return index + 1;
    }
    return this.#damaged("a deal");
  }

  #readHead(end: number): void {
    const { bytes } = this;
    const keyStart = this.#start + KEY.length;
    if (!startsWith(bytes, this.#start, KEY) || bytes[end - 1] !== 125) this.#damaged("a deal");
    let at = this.#textEnd(keyStart, end);
    const key = bytes.toString("latin1", keyStart, at);
    this.key = PLAIN.test(key) ? key.slice(1, -1) : JSON.parse(bytes.toString("utf8", keyStart, at));
    at = this.#readRow(at, end);
    this.failed = startsWith(bytes, at, FAILED);
    if (!this.failed && !startsWith(bytes, at, OUTPUTS)) this.#damaged("a deal");
    this.from = at + (this.failed ? FAILED : OUTPUTS).length;
    this.to = end - 1;
  }

  #readRow(at: number, end: number): number {
    this.#row = -1;
    this.type = undefined;
    if (!startsWith(this.bytes, at, TYPE)) return at;
    const from = at + TYPE.length;
    const to = this.bytes[from] === NULL ? from + 4 : this.#textEnd(from, end);
    this.type = this.#typeOf(this.bytes.toString("latin1", from, to), from, to);
    if (!startsWith(this.bytes, to, ROW)) this.#damaged("a deal");
    this.#row = to + ROW.length;
    return this.#row + ROW_BYTES + 1;
  }

  /** There are few types and many deals: each is read once. */
  #typeOf(token: string, from: number, to: number): string | null {
    const known = this.#types.get(token);
    if (known !== undefined) return known;
    const type = JSON.parse(this.bytes.toString("utf8", from, to)) as string | null;
    if (this.#types.size < 1000) this.#types.set(token, type);
    return type;
  }
}
