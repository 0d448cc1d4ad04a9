/** A clock and a way to wait; tests bring their own. */
export interface Timer {
  /** Milliseconds from any fixed point, never going back. */
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Holds callers back so that no more than a given number go on each second. */
export interface RateLimit {
  /** Resolves when `count` more may go. */
  take(count: number): Promise<void>;
}

/** An even rate without bursts: what was not used is not saved up. */
export function createRateLimit(perSecond: number, timer: Timer, signal: AbortSignal): RateLimit {
  let freeAt = timer.now();
  return {
    async take(count) {
      const now = timer.now();
      const startAt = Math.max(freeAt, now);
      freeAt = startAt + (count * 1000) / perSecond;
      if (startAt > now) await timer.sleep(startAt - now, signal);
    },
  };
}
