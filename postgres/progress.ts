/** Says how far a long piece of work has come, about once a second. */
export interface Progress {
  add(count: number): void;
  /** Says it now. */
  say(): void;
}

const EVERY_MS = 1_000;

/** @param say the line for a count reached so far. */
export function startProgress(log: (line: string) => void, say: (done: number) => string): Progress {
  let done = 0;
  let saidAt = Date.now();
  return {
    add(count) {
      done += count;
      if (Date.now() - saidAt < EVERY_MS) return;
      saidAt = Date.now();
      log(say(done));
    },
    say: () => log(say(done)),
  };
}

/** Runs `work`; when it is cancelled, its last line says how far it came and so what is left for the next run. */
export async function sayWhenCancelled<T>(
  signal: AbortSignal,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) progress.say();
    throw error;
  }
}
