/**
 * Runs `work` on the items of a source, `concurrency` of them at a time, and yields the results in the items' order.
 * No more than `concurrency` items are ever in memory. The first failure ends it, once what runs has ended.
 */
export async function* mapOrdered<Item, Result>(
  source: AsyncIterable<Item>,
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // Its failure is seen when its turn comes; until then it must not count as nobody's.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= concurrency) yield await (running.shift() as Promise<Result>);
    }
    for (let next = running.shift(); next; next = running.shift()) yield await next;
  } finally {
    await Promise.allSettled(running);
  }
}
