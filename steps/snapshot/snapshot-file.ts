import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { readLines } from "../../processes/line-reader.ts";
import { syncFolder } from "../../system/durable-file.ts";
import { summing } from "../../system/sha256.ts";
import { type DealLine, parseLine } from "./snapshot-line.ts";
import { incomingPath } from "./snapshot-store.ts";

/** Deals with errors that are listed by name; the file has all of them. */
const LISTED = 1000;
const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 1000;

/** What a snapshot's lines come to. */
export class Tally {
  success = 0;
  errors = 0;
  lastKey: string | undefined;
  /** The first deals with errors. */
  readonly listed: DealLine[] = [];

  get total(): number {
    return this.success + this.errors;
  }

  add(line: DealLine): void {
    this.lastKey = line.key;
    if (line.error) {
      this.errors += 1;
      if (this.listed.length < LISTED) this.listed.push(line);
    } else this.success += 1;
  }
}

/**
 * Reads back what a run that broke off has written, and cuts off what is not a whole line: the run goes on after it.
 * A file that is not there is an empty one.
 */
export async function readBack(file: string): Promise<Tally> {
  const tally = new Tally();
  let end = 0;
  if (!(await stat(file).catch(() => undefined))) return tally;
  for await (const line of readLines(file)) {
    const deal = line.complete ? parseLine(line.text) : undefined;
    if (!deal) break;
    const { outputs: _, ...kept } = deal;
    tally.add(kept);
    end = line.end;
  }
  await truncate(file, end);
  return tally;
}

/** Appends lines, in pieces: a kill loses at most the last piece, and of it nothing that was ever counted. */
export class LineWriter {
  readonly tally: Tally;
  readonly #handle: FileHandle;
  #pending: string[] = [];
  #size = 0;
  #flushedAt = Date.now();

  private constructor(handle: FileHandle, tally: Tally) {
    this.#handle = handle;
    this.tally = tally;
  }

  static async open(file: string, tally: Tally): Promise<LineWriter> {
    return new LineWriter(await open(file, "a", 0o600), tally);
  }

  async add(line: DealLine): Promise<void> {
    this.#pending.push(line.text, "\n");
    this.#size += line.text.length + 1;
    this.tally.add(line);
    if (this.#size >= FLUSH_BYTES || Date.now() - this.#flushedAt >= FLUSH_MS) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pending.join("");
    this.#pending = [];
    this.#size = 0;
    this.#flushedAt = Date.now();
    if (text !== "") await this.#handle.appendFile(text);
  }

  /** Everything on disk, then closed. */
  async close(): Promise<void> {
    try {
      await this.flush();
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }
}

/** Makes the lines the finished file: summed up, compressed if wanted, whole on disk before it gets its name. */
export async function sealLines(lines: string, final: string, compress: "gzip" | "none") {
  const content = summing();
  const packed = summing();
  const temporary = incomingPath(final);
  const target = createWriteStream(temporary, { mode: 0o600, flush: true });
  const source = createReadStream(lines, { highWaterMark: 1 << 18 });
  if (compress === "gzip") await pipeline(source, content.stream, createGzip(), packed.stream, target);
  else await pipeline(source, content.stream, packed.stream, target);
  await rename(temporary, final);
  syncFolder(dirname(final));
  return { contentSha256: content.result().sha256, ...packed.result() };
}

export const removeFile = (file: string) => rm(file, { force: true });
