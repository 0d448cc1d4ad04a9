import { z } from "zod";

/** One line of `--timings`. */
export interface Timing {
  what: string;
  seconds: number;
}

const SetUpTimings = z.object({
  /** When the process began, epoch ms. */
  startedAt: z.number(),
  phases: z.array(z.object({ phase: z.string(), seconds: z.number() })),
});

/** Accounts for each second of a run: what set-up handed over, what is timed here, and what is left over. */
export class Timings {
  readonly #entries: Timing[] = [];
  readonly #startedAt: number;

  /** @param setUp JSON that set-up left in ROLLOUT_TIMINGS, absent when it did not run. */
  constructor(setUp: string | undefined) {
    const parsed = SetUpTimings.safeParse(readJson(setUp));
    this.#startedAt = parsed.data?.startedAt ?? performance.timeOrigin;
    for (const { phase, seconds } of parsed.data?.phases ?? [])
      this.#entries.push({ what: `set-up: ${phase}`, seconds });
  }

  /** Does `work` and notes how long it took. */
  async time<T>(what: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      this.#entries.push({ what, seconds: (performance.now() - begin) / 1000 });
    }
  }

  /** Every entry, what no entry covers, and the sum since the process began. */
  render(now = Date.now()): string[] {
    const total = (now - this.#startedAt) / 1000;
    const covered = this.#entries.reduce((sum, { seconds }) => sum + seconds, 0);
    const rest = { what: "Node and loading this program", seconds: Math.max(0, total - covered) };
    const lines = [...this.#entries, rest, { what: "total", seconds: total }];
    return lines.map(({ what, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${what}`);
  }
}

function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
