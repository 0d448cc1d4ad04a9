import { phaseTitle } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import { staysLine } from "../ledger/finished.ts";
import { flagOf } from "./flag-mode.ts";
import { evaluateGate } from "./gates.ts";
import { UNMEASURED } from "./measured-estimate.ts";
import type { Mode } from "./mode.ts";
import type { ObservedStep, Survey } from "./observe-all.ts";

const titleOf = (phase: number | null) => (phase === null ? "nothing" : phaseTitle(phase));

function headline(config: RolloutConfig, { mode, actual, reached, finished }: Survey): string {
  const wanted = phaseTitle(config.phase);
  const half = reached !== null && reached !== actual ? `, ${titleOf(reached)} is half-done` : "";
  const flip = `flips the flag ${config.flag ? "on" : "off"} at`;
  const verbs = { advance: "advances to", hold: "holds", flag: flip, lower: "goes back to" };
  const closed = finished ? `; ${staysLine(finished)}` : "";
  return `${config.environment}: ${verbs[mode]} ${wanted}; ${titleOf(actual)} is done${half}${closed}`;
}

function indent(lines: string[]): string[] {
  return lines.map((line) => `    ${line}`);
}

/** The reason is told once: on the way back here, else by the refusal that ends the preview. */
function describe(step: ObservedStep, mode: Mode): string[] {
  const { identity } = step.spec;
  const refused = mode === "advance" || mode === "hold" || step.action === "apply";
  if (step.error) return [`  ${identity.step}: could not look${refused ? "" : `: ${step.error}`}`];
  const { drift = [], plan = [], undo = [], estimateSeconds, estimateSource } = step.observation ?? {};
  if (step.action === "undo") return [`  undo ${identity.step}`, ...indent(undo)];
  const drifts = drift.map(({ expected, observed }) => `drift: expected ${expected}, got ${observed}`);
  if (step.action === "keep") return drifts.length > 0 ? [`  ${identity.step}`, ...indent(drifts)] : [];
  const about =
    estimateSeconds === undefined
      ? ""
      : ` (about ${Math.max(1, Math.ceil(estimateSeconds))} s, ${estimateSource ?? UNMEASURED})`;
  const lines = [...(step.drifted ? drifts : []), ...plan];
  return lines.length + about.length > 0 ? [`  ${identity.step}${about}`, ...indent(lines)] : [];
}

/** The way back of what this run does, newest first: what is done already is told when it is to be undone. */
function describeWayBack(steps: ObservedStep[]): string[] {
  const lines = steps
    .toReversed()
    .filter(({ action }) => action === "apply")
    .flatMap(({ spec, observation }) =>
      (observation?.undo ?? []).map((line) => `${spec.identity.step}: ${line}`),
    );
  return lines.length > 0 ? ["  undo afterwards would", ...indent(lines)] : [];
}

/** A preview that shows no step could as well have looked at none. */
function describeNothing({ mode, steps }: Survey): string[] {
  const rests = mode === "hold" && steps.every(({ action, error }) => action === "keep" && !error);
  return rests ? ["  nothing to do: every step is done, and reality is as it was left"] : [];
}

/** A gate that opens although a proof left something out says what. */
function describeAccepted({ phase }: RolloutConfig, { mode, steps }: Survey): string[] {
  const gate = mode === "advance" && phase > 0 ? evaluateGate(phase - 1, steps) : undefined;
  if (!gate?.met) return [];
  return gate.accepted.map((what) => `  gate ${gate.phase} is met in spite of what was left out: ${what}`);
}

/** On the way back what stays is declared as it was last done, the flag as well: who wanted both has to know. */
function describeStayingFlag({ flag }: RolloutConfig, { mode, steps }: Survey): string[] {
  const other = ({ action, spec }: ObservedStep) => {
    const seen = flagOf({ ...spec });
    return action === "keep" && typeof seen === "boolean" && seen !== flag;
  };
  const left = mode === "lower" && steps.some((step) => step.planned.followsFlag && other(step));
  return left
    ? [
        `  the flag stays ${flag ? "off" : "on"} in this run: the next \`up\` switches it ${flag ? "on" : "off"}`,
      ]
    : [];
}

/** What preview says, in a few lines: where it stands, what changes, what it costs, how to come back. Pure. */
export function previewLines(config: RolloutConfig, survey: Survey): string[] {
  const steps = survey.mode === "lower" ? survey.steps.toReversed() : survey.steps;
  const looked = config.observe
    ? []
    : ["  observe: false: nothing was looked at; drift, rows and locks are unknown"];
  const wayBack = survey.mode === "lower" || survey.mode === "flag" ? [] : describeWayBack(survey.steps);
  return [
    headline(config, survey),
    ...looked,
    ...describeAccepted(config, survey),
    ...describeStayingFlag(config, survey),
    ...(config.observe ? describeNothing(survey) : []),
    ...steps.flatMap((step) => describe(step, survey.mode)),
    ...wayBack,
  ];
}
