import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { lineStart } from "../system/plain-line.ts";
import { decompressor, decryptor } from "./compression.ts";
import type { FoundFile } from "./manifest.ts";

/** One file of an archive as it comes by. */
export interface PassingFile {
  /** As the tar has it: with the archive's folder. */
  name: string;
  type: Header["type"];
  /** Its bytes; who does not take them all still lets them be summed up. */
  content: AsyncIterable<Buffer>;
  /** Size and hash, once all of it has come by; fails with what broke it off. */
  found: Promise<FoundFile>;
}

/** The archive's own bytes, and where reading it broke off. */
export interface ReadOutcome extends FoundFile {
  /** Why it could not be read to its end, with the last file that was begun. */
  fault?: string;
}

export const isEncrypted = (path: string): boolean => path.endsWith(".age");

/** The bytes of an entry as they come by. @param settle is told their sum, or why there is none. */
async function* summed(
  content: AsyncIterable<Buffer>,
  settle: { done(found: FoundFile): void; failed(error: unknown): void },
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    settle.done({ bytes, sha256: hash.digest("hex") });
  } catch (error) {
    settle.failed(error);
    throw error;
  } finally {
    // Whoever stops early gets no sum; without an answer they would wait for ever.
    settle.failed(new Error("not all of it was taken"));
  }
}

function describe(error: unknown, begun: string | undefined): string {
  const { stderr, message } = error as { stderr?: string | Uint8Array; message: string };
  const said = typeof stderr === "string" ? stderr : Buffer.from(stderr ?? []).toString("utf8");
  const reason = lineStart(said.trim().split("\n").at(-1) || message.split("\n")[0] || "");
  return `${begun === undefined ? "before its first file" : `in or after ${begun}`}: ${reason}`;
}

/**
 * Reads an archive file by file, in one pass and without unpacking it to the disk. What is wrong with the packing
 * itself (cut off, a flipped bit) is an outcome, not an error.
 */
export async function readArchive(
  path: string,
  take: (file: PassingFile) => Promise<void>,
): Promise<ReadOutcome> {
  const hash = createHash("sha256");
  let bytes = 0;
  let begun: string | undefined;
  const packed = createReadStream(path, { highWaterMark: 1 << 18 });
  packed.on("data", (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  const tar = extract();
  const stages = [packed, ...(isEncrypted(path) ? [decryptor()] : []), decompressor()] as const;
  let cause: Error | undefined;
  const fail = (error: Error) => {
    cause ??= error;
    tar.destroy(error);
  };
  const reading = async () => {
    for await (const entry of tar) {
      begun = entry.header.name;
      await takeEntry(entry.header, entry as AsyncIterable<Buffer>, take);
    }
  };
  await Promise.all([
    pipeline([...stages, tar as unknown as NodeJS.WritableStream]).catch(fail),
    reading().catch(fail),
  ]);
  const own = { bytes, sha256: hash.digest("hex") };
  return cause ? { ...own, fault: describe(cause, begun) } : own;
}

async function takeEntry(
  { name, type }: Header,
  entry: AsyncIterable<Buffer>,
  take: (file: PassingFile) => Promise<void>,
): Promise<void> {
  let settle: Parameters<typeof summed>[1] | undefined;
  const found = new Promise<FoundFile>((done, failed) => {
    settle = { done, failed };
  });
  // It may fail before anybody has asked for it.
  found.catch(() => undefined);
  const content = summed(entry, settle as Parameters<typeof summed>[1]);
  await take({ name, type, content, found });
  for await (const _ of content);
}
