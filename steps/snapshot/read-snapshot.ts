import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StepError } from "../../errors/step-error.ts";
import { readLines } from "../../processes/line-reader.ts";
import { type DealLine, parseLine } from "./snapshot-line.ts";

/**
 * The deals of a finished snapshot one by one, in the order of their keys, packed or not. `outputs` is the JSON text
 * of the answers by request, its numbers as the application wrote them.
 * @throws {StepError} for a file that is damaged.
 */
export async function* readSnapshot(file: string): AsyncGenerator<DealLine & { outputs?: string }> {
  const bytes = createReadStream(file, { highWaterMark: 1 << 18 });
  // Errors of either end reach the reader through the stream that is handed on.
  const stream = file.endsWith(".gz") ? pipeline(bytes, createGunzip(), () => undefined) : bytes;
  let number = 0;
  for await (const { text, complete } of readLines(file, { stream })) {
    number += 1;
    const deal = complete ? parseLine(text) : undefined;
    if (!deal) {
      throw new StepError(
        `output-snapshot: expected a deal in line ${number} of ${file}, got something else. Restore the file from a copy of the evidence.`,
      );
    }
    yield deal;
  }
}
