import { phaseTitle } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import { type Entry, entryKey } from "../ledger/entries.ts";
import type { PhaseSteps } from "../ledger/progress.ts";
import { hashOf } from "../ledger/record.ts";
import { shorten } from "../postgres/backup/dump-rights.ts";
import { notProvenOf, showNotProven } from "../postgres/backup/left-out.ts";
import { expand } from "../steps/expand.ts";
import { openPoints } from "../steps/recorded.ts";
import type { Observation } from "../steps/step.ts";
import type { ObservedStep, Survey } from "./observe-all.ts";
import { refuseOutsideWindow } from "./window.ts";

/** The exit of a phase: what has to be true before the next one may begin. */
export interface Gate {
  phase: number;
  met: boolean;
  /** What is missing, each complete: step, what was expected, what is there. */
  missing: string[];
  /** What it is met in spite of, each complete: step, what its result leaves open. */
  accepted: string[];
}

/** What a gate asks of a step. */
interface GateStep {
  name: string;
  entry?: Entry | undefined;
  observation?: Pick<Observation, "drift" | "gate"> | undefined;
  error?: string | undefined;
}

const nameOf = ({ spec }: ObservedStep) => `${spec.identity.phase}/${spec.identity.step}`;

function whyNotProven({ name, entry, observation, error }: GateStep): string[] {
  if (entry?.state !== "done")
    return [`${name}: expected done in this attempt, got ${entry?.state ?? "never run"}`];
  if (error) return [`${name}: expected a look at it, got none`];
  // Not looked at (`observe: false`): what the step recorded against going on still stands.
  const { drift = [], gate = openPoints(entry).gate } = observation ?? {};
  const drifts = drift.map(({ expected, observed }) => `expected ${expected}, got ${observed}`);
  return [...drifts, ...gate].map((reason) => `${name}: ${reason}`);
}

/** What the result of a step says that it does not speak for. */
function leftOpen({ name, entry }: GateStep): string[] {
  const open = entry?.state === "done" ? notProvenOf(entry.result) : [];
  return open.length > 0 ? [`${name}: not proven: ${shorten(open.map(showNotProven), 20)}`] : [];
}

const gateOf = (phase: number, steps: readonly GateStep[]): Gate => {
  const missing = steps.flatMap(whyNotProven);
  return { phase, met: missing.length === 0, missing, accepted: steps.flatMap(leftOpen) };
};

/** Evaluates the gate of a phase: every step of it done in this attempt, still true, and with no reason of its own against going on. Pure. */
export function evaluateGate(phase: number, steps: ObservedStep[]): Gate {
  const own = steps.filter(({ planned }) => planned.phaseNumber === phase);
  return gateOf(
    phase,
    own.map((step) => ({ ...step, name: nameOf(step) })),
  );
}

/** The gates of every phase of which something is left, by the evidence alone: for when nobody can look. Pure. */
export function recordedGates(entries: ReadonlyMap<string, Entry>, phases: PhaseSteps): Gate[] {
  const isLeft = ({ phase, state }: Entry, name: string) => phase === name && state !== "undone";
  return phases.flatMap(({ phase, steps }, number) =>
    [...entries.values()].some((entry) => isLeft(entry, phase))
      ? [
          gateOf(
            number,
            steps.map((step) => ({
              name: `${phase}/${step}`,
              entry: entries.get(entryKey({ phase, step })),
            })),
          ),
        ]
      : [],
  );
}

function refuseMovedTarget(step: ObservedStep): string[] {
  if (step.planned.step.name !== expand.name || step.entry?.state === "undone") return [];
  const deployed = step.entry?.spec.change;
  const { change: wanted }: Record<string, unknown> = { ...step.spec };
  if (deployed === undefined || hashOf(deployed) === hashOf(wanted)) return [];
  return [
    "config: expected `change` as it was when phase 1 began, got another one. " +
      "Put it back, or lower to phase 0 first: the way back needs the old one.",
  ];
}

/** Steps that could not be looked at, those with the same reason in one line: a database that is down is one fault. */
function refuseUnseen({ flag }: RolloutConfig, { mode, steps }: Survey): string[] {
  const byReason = new Map<string, string[]>();
  for (const step of steps) {
    // A flip of the flag needs only what it acts on; off goes on with what answers.
    if (mode === "flag" && !(flag && step.action === "apply")) continue;
    if (step.error) byReason.set(step.error, [...(byReason.get(step.error) ?? []), step.spec.identity.step]);
  }
  return [...byReason].map(([reason, names]) => `could not look at ${names.join(", ")}: ${reason}`);
}

/** A step that names itself in its reasons is not named twice, nor is a reason told twice that several steps have. */
function refuseBlocked(steps: ObservedStep[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const step of steps.filter(({ action }) => action === "apply")) {
    const own = `${step.planned.step.name}: `;
    for (const blocker of step.observation?.blockers ?? []) {
      const reason = blocker.startsWith(own) ? blocker.slice(own.length) : blocker;
      byReason.set(reason, [...(byReason.get(reason) ?? []), nameOf(step)]);
    }
  }
  return [...byReason].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
}

/** Later phases build on the new behaviour: without the flag nobody would have proven it. */
function refuseFlagOff({ phase, flag, stack }: RolloutConfig, rising: boolean): string[] {
  if (flag || !rising || phase <= 2) return [];
  return [
    `config: expected flag true to go beyond ${phaseTitle(2)}, got false. ` +
      `Set it, then run \`up\` at ${phaseTitle(phase - 1)} first: pulumi config set flag true --stack ${stack}`,
  ];
}

/**
 * Everything that forbids this run, each with its remedy. Empty on the way back: going back is never blocked by a
 * gate, the window, a fault that was found, or a target that cannot be looked at. Pure.
 */
export function findRefusals(config: RolloutConfig, survey: Survey, now: Date): string[] {
  const { mode, actual, steps } = survey;
  if (mode === "lower") return [];
  const rising = mode === "advance" && config.phase > 0 && actual !== null && config.phase > actual;
  const gate = rising ? evaluateGate(config.phase - 1, steps) : undefined;
  const shut = (gate?.missing ?? []).map((line) => `gate ${config.phase - 1} is shut: ${line}`);
  if (shut.length > 0)
    shut.push(
      `Mend what is named here, then run \`up\` at ${phaseTitle(config.phase - 1)}: it repairs the rest.`,
    );
  return [
    ...shut,
    ...refuseFlagOff(config, rising),
    ...refuseOutsideWindow(config, survey, now),
    ...refuseUnseen(config, survey),
    ...steps.flatMap(refuseMovedTarget),
    ...refuseBlocked(steps),
  ];
}
