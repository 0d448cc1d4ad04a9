import type { Client } from "pg";

/**
 * Hands the items out to the connections, one at a time each, in order. After the first failure no further item is
 * begun; it returns (or throws) only when every item in hand has ended, so no connection is still at work.
 */
export async function runInParallel<T>(
  clients: Client[],
  items: readonly T[],
  work: (client: Client, item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const results = await Promise.allSettled(
    clients.map(async (client) => {
      while (!failed && next < items.length) {
        const item = items[next] as T;
        next += 1;
        await work(client, item).catch((error: unknown) => {
          failed = true;
          throw error;
        });
      }
    }),
  );
  const broken = results.find((result) => result.status === "rejected");
  if (broken) throw broken.reason;
}
