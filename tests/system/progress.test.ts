import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type ProgressOptions, withProgress } from "../../system/progress.ts";

/** Lines of work that reports one more each second, for so many seconds. */
async function linesOf(seconds: number, options: Partial<ProgressOptions> = {}, end = () => {}) {
  const lines: string[] = [];
  let clock = 0;
  const watcher = { isTerminal: false, now: () => clock, log: (line: string) => void lines.push(line) };
  const work = withProgress({ ...watcher, say: (done) => `${done} done`, ...options }, async ({ add }) => {
    while (clock < seconds * 1_000) {
      clock += 1_000;
      add(1);
    }
    end();
  });
  await work.catch((error: Error) => lines.push(error.message));
  return lines;
}

describe("progress", () => {
  it("is silent about short work", async () => assert.deepEqual(await linesOf(0), []));

  it("is told in a log at the beginning, every half minute and at the end", async () => {
    assert.deepEqual(await linesOf(70), ["1 done", "31 done", "61 done", "70 done"]);
    assert.deepEqual(await linesOf(31), ["1 done", "31 done"]);
  });

  it("is told on a terminal every second", async () => {
    assert.deepEqual(await linesOf(3, { isTerminal: true }), ["1 done", "2 done", "3 done"]);
  });

  it("says how far it came when it is cancelled, where what was done stays, and nothing when it fails", async () => {
    const cancel = new AbortController();
    const stop = () => {
      cancel.abort();
      throw new Error("cancelled");
    };
    assert.deepEqual(await linesOf(3, { signal: cancel.signal }, stop), ["1 done", "3 done", "cancelled"]);
    assert.deepEqual(await linesOf(3, {}, stop), ["1 done", "cancelled"]);
  });
});
