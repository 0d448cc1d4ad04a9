/** Says how far a long piece of work has come, about once a second. */
export interface Progress {
  add(count: number): void;
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
  };
}
