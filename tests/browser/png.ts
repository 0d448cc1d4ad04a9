import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** Width and height of a picture, once it is a whole PNG with this hash. */
export function pngSize(path: string, sha256: string): { width: number; height: number } {
  const content = readFileSync(path);
  assert.equal(createHash("sha256").update(content).digest("hex"), sha256, path);
  assert.equal(content.subarray(0, 8).toString("latin1"), "\x89PNG\r\n\x1a\n", path);
  assert.equal(content.subarray(-8, -4).toString("latin1"), "IEND", path);
  return { width: content.readUInt32BE(16), height: content.readUInt32BE(20) };
}
