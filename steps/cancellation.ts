import { StepError } from "../errors/step-error.ts";

const POLL_MS = 250;
/** Time for the batch in hand and its records; after that the process ends, and the evidence shows it half-done. */
export const CANCEL_GRACE_MS = 10_000;

/**
 * A signal that is aborted when the step is to end early: on SIGINT, SIGTERM, SIGHUP, at the deadline, or when the
 * parent process changes. The last is how a cancelled engine shows: it kills the command's shell and tells nobody.
 */
export function watchCancellation(
  deadlineSeconds: number,
  { graceMs = CANCEL_GRACE_MS } = {},
): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const parent = process.ppid;
  const cancel = (reason: string) => {
    if (controller.signal.aborted) return;
    controller.abort(new StepError(reason));
    grace = setTimeout(() => process.exit(1), graceMs).unref();
  };
  const onSignal = (name: string) => cancel(`cancelled by ${name}`);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  const poll = setInterval(() => {
    if (process.ppid !== parent) cancel("cancelled: the engine that started this step is gone");
  }, POLL_MS);
  const deadline = setTimeout(
    () => cancel(`stopped at its deadline of ${deadlineSeconds} s`),
    deadlineSeconds * 1000,
  );
  return {
    signal: controller.signal,
    stop() {
      clearInterval(poll);
      clearTimeout(deadline);
      // Whoever has ended its step may have others to tell: it is not to be ended in the middle of that.
      clearTimeout(grace);
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, onSignal);
    },
  };
}
