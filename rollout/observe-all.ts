import { setMaxListeners } from "node:events";
import { z } from "zod";
import type { RolloutConfig } from "../config/schema.ts";
import { tellError } from "../errors/report-error.ts";
import type { Chain } from "../ledger/chain.ts";
import { type Entry, entryKey, foldEntries } from "../ledger/entries.ts";
import { type Finished, finishedOf, staysLine } from "../ledger/finished.ts";
import { type PhaseSteps, type Progress, progressOf } from "../ledger/progress.ts";
import { runsOf, type StepRun } from "../ledger/timeline.ts";
import { asRecorded, openPoints } from "../steps/recorded.ts";
import { digestOf } from "../steps/run-step.ts";
import type { BaseSpec, Observation, Step, StepDeps } from "../steps/step.ts";
import { byMeasure } from "./measured-estimate.ts";
import { type Mode, modeOf } from "./mode.ts";
import { PHASE_PLAN, type PlannedStep, planLeaving, planSteps } from "./plan.ts";

/** One step of the wanted phases, or one that is to be undone, and what was seen of it. */
export interface ObservedStep {
  planned: PlannedStep;
  /** The spec with its generation: what the component is given. */
  spec: BaseSpec;
  entry?: Entry;
  /** What this run will do to it. */
  action: "keep" | "apply" | "undo";
  /** Reality differs from what the step left, and the config wants just that: it runs to repair it. */
  drifted?: true;
  /** Absent when it was not looked at (`observe: false`) or could not be. */
  observation?: Observation;
  /** Why it could not be looked at. */
  error?: string;
}

/** What is wanted, what is, and what a run would do. */
export interface Survey extends Progress {
  mode: Mode;
  /** The book is closed: nothing is looked at, and nothing runs. */
  finished?: Finished;
  steps: ObservedStep[];
}

/** Longest time that looking at one step may take: a preview that hangs is worse than one that says so. */
const OBSERVE_LIMIT_MS = 20_000;

async function observeWithin(step: Step, spec: BaseSpec, deps: StepDeps): Promise<Observation> {
  const limit = AbortSignal.timeout(OBSERVE_LIMIT_MS);
  const late = new Promise<never>((_, reject) => {
    limit.addEventListener("abort", () => reject(new Error(`no answer within ${OBSERVE_LIMIT_MS / 1000} s`)));
  });
  const signal = AbortSignal.any([deps.signal, limit]);
  setMaxListeners(0, signal);
  return Promise.race([step.observe(spec, { ...deps, signal }), late]);
}

async function look(
  step: Step,
  spec: BaseSpec,
  deps: StepDeps,
): Promise<Pick<ObservedStep, "observation" | "error">> {
  try {
    return { observation: await observeWithin(step, spec, deps) };
  } catch (error) {
    return { error: tellError(error, step.name) };
  }
}

/**
 * What becomes of a step whose spec is this: kept while it is done with just that and reality matches. Else it runs,
 * with a generation that was never used: what the engine last saw may be any earlier spec, since `rollout flag` runs
 * steps without it, and one that it knows would be no change to it.
 */
function decide(
  { spec }: PlannedStep,
  entry: Entry | undefined,
  drifted: boolean,
): Pick<ObservedStep, "spec" | "action" | "drifted"> {
  const last = entry?.generation ?? 0;
  const same = { ...spec, generation: last };
  // Some of it was left out, as a host that could not be reached: it runs until nothing is.
  const { unfinished } = openPoints(entry);
  const wanted = entry?.state === "done" && entry.digest === digestOf(same);
  if (wanted && !drifted && unfinished.length === 0) return { spec: same, action: "keep" };
  const again = { spec: { ...spec, generation: last + 1 }, action: "apply" as const };
  return wanted && drifted ? { ...again, drifted } : again;
}

async function observePlanned(
  planned: PlannedStep,
  entry: Entry | undefined,
  runs: readonly StepRun[],
  deps: StepDeps | undefined,
): Promise<ObservedStep> {
  const seen: Pick<ObservedStep, "observation" | "error"> = deps
    ? await look(planned.step, { ...planned.spec, generation: entry?.generation ?? 1 }, deps)
    : {};
  const drifted = (seen.observation?.drift.length ?? 0) > 0;
  const { step, spec } = planned;
  const isBegun = entry !== undefined && entry.state !== "undone";
  if (seen.observation && !isBegun)
    seen.observation = byMeasure(seen.observation, runs, { ...spec.identity, kind: step.name });
  return { planned, ...decide(planned, entry, drifted), ...(entry ? { entry } : {}), ...seen };
}

/**
 * A step of a phase that stays, while another phase is taken back: declared as it was last done, whatever the config
 * says by now, so that nothing runs. Updates come before deletes, and one that fails would block the way back.
 * @returns nothing for a step that was never done: it is in no state either.
 */
async function observeStaying(
  planned: PlannedStep,
  entry: Entry | undefined,
  deps: StepDeps | undefined,
): Promise<ObservedStep[]> {
  if (!entry?.doneSpec) return [];
  const seen = deps ? await look(planned.step, planned.step.spec.parse(entry.doneSpec), deps) : {};
  // As it was written, not as it parses: a field that a newer release fills in would be a changed input.
  return [{ planned, spec: asRecorded(entry.doneSpec), entry, action: "keep", ...seen }];
}

async function observeLeaving(
  { entry, ...planned }: PlannedStep & { entry: Entry },
  deps: StepDeps | undefined,
): Promise<ObservedStep> {
  const undoing = { planned, spec: planned.spec, entry, action: "undo" as const };
  const { finished } = entry;
  if (finished)
    return { ...undoing, observation: { drift: [], plan: [], undo: [staysLine(finished)], blockers: [] } };
  const seen = deps ? await look(planned.step, planned.spec, deps) : {};
  return { ...undoing, ...seen };
}

/**
 * Lets a step that restates or follows others run again with them, in the same run: else it would be out of date
 * after it. Pure.
 */
export function redoRestating(steps: ObservedStep[]): ObservedStep[] {
  const atWork = new Map<number, Set<string>>();
  return steps.map((step) => {
    const { phaseNumber, step: kind, follows } = step.planned;
    const before = atWork.get(phaseNumber) ?? new Set();
    atWork.set(phaseNumber, before);
    const outdated = kind.restates ? before.size > 0 : follows !== undefined && before.has(follows);
    const again = step.action === "keep" && outdated;
    if (again || step.action === "apply") before.add(step.spec.identity.step);
    if (!again) return step;
    return { ...step, action: "apply", spec: { ...step.spec, generation: step.spec.generation + 1 } };
  });
}

const WithBasis = z.looseObject({ basis: z.looseObject({ release: z.string() }) });

/** A flip of the flag brings no other release: one that the config names by now waits for its own `up`. */
function asDeployed(planned: PlannedStep, entry: Entry | undefined): PlannedStep {
  const wanted = WithBasis.safeParse(planned.spec).data;
  const deployed = WithBasis.safeParse(entry?.doneSpec).data;
  if (!wanted || !deployed) return planned;
  const basis = { ...wanted.basis, release: deployed.basis.release };
  return { ...planned, spec: planned.step.spec.parse({ ...planned.spec, basis }) };
}

/** Phases in which a step that follows the flag was begun: the others have no part in a flip yet. Pure. */
function phasesWithFlag(entries: ReadonlyMap<string, Entry>, plan: PhaseSteps): Set<string> {
  const begun = ({ phase, followFlag }: PhaseSteps[number]) =>
    followFlag.some((step) => (entries.get(entryKey({ phase, step }))?.state ?? "undone") !== "undone");
  return new Set(plan.filter(begun).map(({ phase }) => phase));
}

/**
 * A step of the wanted phases. On the way back all of them stay as they are; where only the flag is changed, those
 * that do not follow it do, and nobody looks at them: a target that is down there is no obstacle.
 */
async function observeWanted(
  planned: PlannedStep,
  entry: Entry | undefined,
  { mode, withFlag, runs }: { mode: Mode; withFlag: ReadonlySet<string>; runs: readonly StepRun[] },
  deps: StepDeps | undefined,
): Promise<ObservedStep[]> {
  if (mode === "lower") return observeStaying(planned, entry, deps);
  if (mode !== "flag") return [await observePlanned(planned, entry, runs, deps)];
  const flips = planned.followsFlag && withFlag.has(planned.spec.identity.phase);
  if (!flips) return observeStaying(planned, entry, undefined);
  return [await observePlanned(asDeployed(planned, entry), entry, runs, deps)];
}

/**
 * Looks at every step of the wanted phases and at those that are to be undone, all at the same time, read-only.
 * @param deps absent when the config says `observe: false`: then nothing is looked at and nothing counts as drift.
 */
export async function observeAll(
  config: RolloutConfig,
  chain: Chain,
  deps: StepDeps | undefined,
): Promise<Survey> {
  const entries = foldEntries(chain.records);
  const progress = progressOf(entries, PHASE_PLAN);
  const mode = modeOf(config, progress, entries);
  const finished = finishedOf(entries);
  const run = { mode, withFlag: phasesWithFlag(entries, PHASE_PLAN), runs: runsOf(chain.records) };
  const leaving = planLeaving(config, (phase, step) => entries.get(entryKey({ phase, step })));
  const observed = await Promise.all([
    ...planSteps(config).map((planned) => {
      const entry = entries.get(entryKey(planned.spec.identity));
      // Journal, tracker and old releases are gone: what a step would see now is no drift.
      return finished ? observeStaying(planned, entry, undefined) : observeWanted(planned, entry, run, deps);
    }),
    ...leaving.map(async (planned) => [await observeLeaving(planned, deps)]),
  ]);
  const steps = observed.flat();
  const repairs = !finished && (mode === "advance" || mode === "hold");
  return {
    ...progress,
    mode,
    ...(finished ? { finished } : {}),
    steps: repairs ? redoRestating(steps) : steps,
  };
}
