/** The operations under way, so that one cancel reaches them all. */
export class Operations {
  readonly #running = new Set<AbortController>();
  #cancelled = false;

  /** True while at least one operation is under way. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Ends every operation under way, and each one that should begin later. */
  cancel(): void {
    this.#cancelled = true;
    for (const controller of this.#running) controller.abort();
  }

  /** Runs `work` with a signal that fires on cancel and after `timeoutSeconds` (0: never). */
  async run<T>(timeoutSeconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (this.#cancelled) controller.abort();
    const seconds = Math.trunc(timeoutSeconds);
    const timer = seconds > 0 ? setTimeout(() => controller.abort(), seconds * 1000) : undefined;
    this.#running.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }
}
