import { createHash } from "node:crypto";
import { Transform } from "node:stream";

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
