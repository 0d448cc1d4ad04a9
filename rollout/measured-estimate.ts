import type { StepRun } from "../ledger/timeline.ts";
import type { Observation } from "../steps/step.ts";

/** Said of an estimate that nothing measured here stands behind. */
export const UNMEASURED = "estimated, not measured here";

/** The run that took longest: a run that went on after a break did only the rest of the work. Pure. */
function longest(runs: readonly StepRun[]): StepRun | undefined {
  return runs.reduce<StepRun | undefined>(
    (most, run) => (most === undefined || run.seconds > most.seconds ? run : most),
    undefined,
  );
}

/**
 * The estimate of a step that begins from nothing, by what it took on this stack before; steps of its kind count where
 * the step makes an estimate itself, as both backups do. What only repairs keeps its own: it does a part of the work. Pure.
 * @param runs of this stack, of any attempt.
 */
export function byMeasure(
  observation: Observation,
  runs: readonly StepRun[],
  { phase, step, kind }: { phase: string; step: string; kind: string },
): Observation {
  const done = runs.filter(({ verb, outcome }) => verb === "apply" && outcome === "done");
  const own = done.filter((run) => run.phase === phase && run.step === step);
  const alike = observation.estimateSeconds === undefined ? [] : done.filter((run) => run.kind === kind);
  const run = longest(own) ?? longest(alike);
  if (!run) return observation;
  const source = `as measured here on ${run.beganAt.slice(0, 10)}`;
  return { ...observation, estimateSeconds: run.seconds, estimateSource: source };
}
