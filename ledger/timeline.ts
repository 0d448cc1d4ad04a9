import type { EvidenceRecord } from "./record.ts";
import { userAtHost } from "./record-text.ts";

/** How a run of a step ended. `killed`: something else was recorded later, and no end of it. */
export type RunOutcome = "done" | "failed" | "cancelled" | "killed" | "running";

/** One verb of a step from its begin to its end. */
export interface StepRun {
  phase: string;
  step: string;
  kind: string;
  verb: "apply" | "undo";
  /** Numbers of its records. */
  begin: number;
  end?: number;
  /** UTC. */
  beganAt: string;
  endedAt?: string;
  /** Between the two; clocks that went backwards count as nothing. */
  seconds: number;
  outcome: RunOutcome;
  /** `user@host` of the process. */
  by: string;
  generation: number;
  error?: string;
  result?: Record<string, unknown>;
}

const secondsBetween = (from: string, to: string) => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);

/** Every run of every step, in the order in which they began. Pure. */
export function runsOf(records: readonly EvidenceRecord[]): StepRun[] {
  const runs = new Map<number, StepRun>();
  const last = records.at(-1)?.number;
  for (const record of records) {
    if (record.record === "begin") {
      const { phase, step, kind, verb, number, at, by, generation } = record;
      const outcome = number === last ? "running" : "killed";
      const run = {
        phase,
        step,
        kind,
        verb,
        begin: number,
        beganAt: at,
        seconds: 0,
        outcome,
        generation,
      } as const;
      runs.set(number, { ...run, by: userAtHost(by) });
    } else if (record.record === "end") {
      const run = runs.get(record.begin);
      if (!run) continue;
      const { number, at, outcome, error, result } = record;
      Object.assign(run, { end: number, endedAt: at, outcome, seconds: secondsBetween(run.beganAt, at) });
      Object.assign(run, error === undefined ? {} : { error }, result === undefined ? {} : { result });
    }
  }
  return [...runs.values()];
}

/** When the work of one phase began and ended, over all of its runs. */
export interface PhaseSpan {
  phase: string;
  beganAt: string;
  endedAt: string;
  /** Run time of all applies together. */
  applySeconds: number;
  applies: number;
  /** Applies beyond the first of each step. */
  repeats: number;
  undos: number;
  failures: number;
}

/** The phases of which anything was ever begun, in the order in which they began. Pure. */
export function phaseSpans(runs: readonly StepRun[]): PhaseSpan[] {
  const phases = [...new Set(runs.map(({ phase }) => phase))];
  return phases.map((phase) => {
    const own = runs.filter((run) => run.phase === phase);
    const applies = own.filter(({ verb }) => verb === "apply");
    const times = own.flatMap(({ beganAt, endedAt }) => [beganAt, endedAt ?? beganAt]).sort();
    return {
      phase,
      beganAt: times[0] ?? "",
      endedAt: times.at(-1) ?? "",
      applySeconds: applies.reduce((sum, { seconds }) => sum + seconds, 0),
      applies: applies.length,
      repeats: applies.length - new Set(applies.map(({ step }) => step)).size,
      undos: own.length - applies.length,
      failures: own.filter(({ outcome }) => ["failed", "cancelled", "killed"].includes(outcome)).length,
    };
  });
}
