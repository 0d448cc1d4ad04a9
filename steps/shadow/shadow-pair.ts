import { setTimeout as sleep } from "node:timers/promises";
import { OutputsSection } from "../../config/outputs.ts";
import { createAsker, type DealAsker } from "../snapshot/deal-asker.ts";
import { type InstanceTarget, type ShadowInstance, startInstance } from "./shadow-instance.ts";

/** One release asked twice: with the flag on, and with it off. */
export interface FlagPair {
  on: DealAsker;
  off: DealAsker;
}

function askerOf({ url }: ShadowInstance, outputs: Partial<OutputsSection>, signal: AbortSignal): DealAsker {
  // Two instances on one database: each may ask half as often.
  const requestsPerSecond = Math.max(1, Math.floor((outputs.requestsPerSecond ?? 2) / 2));
  const timer = {
    now: () => performance.now(),
    sleep: (milliseconds: number, until: AbortSignal) => sleep(milliseconds, undefined, { signal: until }),
  };
  const own = OutputsSection.parse({ ...outputs, requestsPerSecond });
  return createAsker({ appUrl: url, outputs: own, timer, signal });
}

/** Runs `work` with both instances of the release; they end however it ends. */
export async function withFlagPair<T>(
  target: Omit<InstanceTarget, "flag">,
  outputs: Omit<Partial<OutputsSection>, "command">,
  work: (pair: FlagPair) => Promise<T>,
): Promise<T> {
  const { signal } = target;
  // When one does not come up, the other is not waited for.
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const starts = [true, false].map((flag) => startInstance({ ...target, flag, signal: until }));
  const askers: DealAsker[] = [];
  try {
    const started = (await Promise.all(starts)) as [ShadowInstance, ShadowInstance];
    askers.push(...started.map((instance) => askerOf(instance, outputs, signal)));
    const [on, off] = askers as [DealAsker, DealAsker];
    return await Promise.race([work({ on, off }), ...started.map(({ died }) => died)]);
  } finally {
    await Promise.all(askers.map((asker) => asker.close()));
    ending.abort();
    for (const start of await Promise.allSettled(starts)) {
      if (start.status === "fulfilled") await start.value.stop();
    }
  }
}
