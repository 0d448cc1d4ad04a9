import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Pieces in which a file is read: large ones, so that a file of gigabytes takes few turns. */
const PIECE = 1 << 18;

/** SHA-256 in hex. */
export const sha256Of = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");

/** SHA-256 of a file, in hex; memory use does not depend on its size. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const source = createReadStream(path, { highWaterMark: PIECE });
  await pipeline(source, hash, signal ? { signal } : {});
  return hash.digest("hex");
}

/** Passes bytes on and sums them up: their number and SHA-256 are known at the stream's end. */
export function summing() {
  const hash = createHash("sha256");
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, result: () => ({ bytes, sha256: hash.digest("hex") }) };
}
