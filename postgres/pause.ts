import { setTimeout as sleep } from "node:timers/promises";

/** Waits, but no longer than until the step is to end: whoever waits asks the signal then, which knows the reason. */
export const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);
