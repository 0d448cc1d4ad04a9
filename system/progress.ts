/** A person who watches sees a line a second; a log that somebody reads later gets one in half a minute. */
const TERMINAL_MS = 1_000;
const LOG_MS = 30_000;
/** Work that is over by then says nothing of its course. */
const FIRST_MS = 1_000;

/** Where lines go to, and the clock; tests bring their own. */
export interface Watcher {
  isTerminal?: boolean;
  now?(): number;
}

/** Tells whether a line about something that lasts is due, first after `firstAfterMs`. */
export function lineTurns(firstAfterMs: number, watcher: Watcher = {}): () => boolean {
  const { isTerminal = process.stderr.isTTY === true, now = () => performance.now() } = watcher;
  let dueAt = now() + firstAfterMs;
  return () => {
    if (now() < dueAt) return false;
    dueAt = now() + (isTerminal ? TERMINAL_MS : LOG_MS);
    return true;
  };
}

export interface Progress {
  add(count: number): void;
}

export interface ProgressOptions extends Watcher {
  log(line: string): void;
  /** The line for a count reached so far. */
  say(done: number): string;
  /** Of work that keeps what it did when it is cancelled: its last line says how far it came. */
  signal?: AbortSignal;
}

/** Runs long work and says how far it has come: when it turns out to be long, now and then, and at its end. */
export async function withProgress<T>(
  { log, say, signal, ...watcher }: ProgressOptions,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  let done = 0;
  let saidOf: number | undefined;
  const isDue = lineTurns(FIRST_MS, watcher);
  const tell = () => {
    saidOf = done;
    log(say(done));
  };
  const add = (count: number) => {
    done += count;
    if (isDue()) tell();
  };
  try {
    const result = await work({ add });
    if (saidOf !== undefined && saidOf !== done) tell();
    return result;
  } catch (error) {
    if (signal?.aborted) tell();
    throw error;
  }
}
