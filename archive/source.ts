import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ListedFile } from "./manifest.ts";

/** A file that is to be archived: made here, or read from the disk piece by piece. */
export interface ArchiveSource {
  path: string;
  kind: ListedFile["kind"];
  content: { text: string } | { file: string };
}

const PIECE = 1 << 18;

/** The bytes of a source; memory holds a piece of them. */
export function openSource({ content }: ArchiveSource): Readable {
  return "text" in content
    ? Readable.from([Buffer.from(content.text)])
    : createReadStream(content.file, { highWaterMark: PIECE });
}

/** Size without reading it, for the room that is needed. */
export async function sizeOf({ content }: ArchiveSource): Promise<number> {
  return "text" in content ? Buffer.byteLength(content.text) : (await stat(content.file)).size;
}

/** Reads a source to its end: what the manifest says of it. */
export async function listSource(source: ArchiveSource, signal: AbortSignal): Promise<ListedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of openSource(source) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { path: source.path, kind: source.kind, bytes, sha256: hash.digest("hex") };
}
