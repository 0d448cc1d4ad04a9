import assert from "node:assert/strict";
import { mapOrdered } from "../../steps/snapshot/ordered-map.ts";

async function* numbers(count: number, seen: number[] = []) {
  for (let n = 1; n <= count; n += 1) {
    seen.push(n);
    yield n;
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

describe("ordered map", () => {
  it("yields in the items' order whichever ends first, never more at a time than allowed", async () => {
    let [open, most] = [0, 0];
    const work = async (n: number) => {
      open += 1;
      most = Math.max(most, open);
      for (let turn = 0; turn < 10 - n; turn += 1) await new Promise(setImmediate);
      open -= 1;
      return n * 2;
    };
    assert.deepEqual(await collect(mapOrdered(numbers(9), 4, work)), [2, 4, 6, 8, 10, 12, 14, 16, 18]);
    assert.equal(most, 4);
  });

  it("ends at the first failure without reading on, once what runs has ended", async () => {
    const seen: number[] = [];
    let ended = 0;
    const work = async (n: number) => {
      await new Promise(setImmediate);
      ended += 1;
      if (n === 3) throw new Error("third");
      return n;
    };
    await assert.rejects(collect(mapOrdered(numbers(100, seen), 2, work)), /third/);
    assert.ok(seen.length <= 4, `${seen.length}`);
    assert.equal(ended, seen.length);
  });
});
