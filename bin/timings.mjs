import { performance } from "node:perf_hooks";

const phases = [];

/** Runs one phase of set-up and notes how long it took. */
export async function timed(phase, work) {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    phases.push({ phase, seconds: Math.round(performance.now() - begin) / 1000 });
  }
}

/** For the commands that come after: `{startedAt: epoch ms of this process, phases: [{phase, seconds}]}`. */
export function publishTimings() {
  process.env.ROLLOUT_TIMINGS = JSON.stringify({ startedAt: Math.round(performance.timeOrigin), phases });
}
