import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { readLines } from "../processes/line-reader.ts";
import { parseLine } from "../steps/snapshot/snapshot-line.ts";

/** What the lines of a snapshot come to. */
export interface SnapshotCount {
  deals: number;
  errors: number;
}

export const isSnapshotFile = (path: string): boolean =>
  /^evidence\/snapshots\/[^/]+\.ndjson(\.gz)?$/.test(path);

async function countLines(path: string, stream: Readable): Promise<SnapshotCount> {
  const count = { deals: 0, errors: 0 };
  for await (const { text } of readLines(path, { stream })) {
    const line = parseLine(text);
    if (line?.error) count.errors += 1;
    if (line) count.deals += 1;
  }
  return count;
}

/**
 * Counts the deals of a snapshot while its bytes come by; memory holds one line. The content is taken to its end also
 * where it can't be unpacked, since it has to be summed up.
 */
export async function countDeals(path: string, content: AsyncIterable<Buffer>): Promise<SnapshotCount> {
  const unpacked = path.endsWith(".gz") ? createGunzip() : new PassThrough();
  const counting = countLines(path, unpacked).then(
    (count) => ({ count }),
    (error: Error) => ({ error }),
  );
  for await (const chunk of content) {
    if (unpacked.destroyed || unpacked.write(chunk)) continue;
    await Promise.race([once(unpacked, "drain").catch(() => undefined), counting]);
  }
  unpacked.end();
  const outcome = await counting;
  if ("error" in outcome) throw outcome.error;
  return outcome.count;
}
