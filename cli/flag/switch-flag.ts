import { loadConfig } from "../../config/load.ts";
import { phaseTitle } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { Chain } from "../../ledger/chain.ts";
import { takeLock } from "../../ledger/lock.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { findRefusals } from "../../rollout/gates.ts";
import { type ObservedStep, observeAll, type Survey } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { watchCancellation } from "../../steps/cancellation.ts";
import { runVerb } from "../../steps/run-verb.ts";
import { StepError } from "../../steps/step.ts";
import { capturePulumi } from "../pulumi.ts";
import { readStackSource } from "../stack-source.ts";
import { logLine } from "../verb.ts";

const nameOf = (on: boolean) => (on ? "on" : "off");

/** The lowest phase that knows the flag. */
const FLAG_PHASE = 2;

function refuseUndeployed({ phase, stack }: RolloutConfig, { actual, reached, mode }: Survey): void {
  if (mode === "flag" || (actual !== null && actual >= FLAG_PHASE && mode === "hold")) return;
  const done = actual === null ? "none" : phaseTitle(actual);
  const half = reached !== null && reached !== actual ? `, ${phaseTitle(reached)} half-done` : "";
  throw new StepError(
    `flag: expected ${phaseTitle(FLAG_PHASE)} or a later one to be done and wanted, got ${done} done${half}, ` +
      `${phaseTitle(phase)} wanted. Finish or take back what is under way: npx rollout up --stack ${stack}`,
  );
}

/** The config first: a machine that dies in the middle must not leave an `up` that flips the flag back. */
async function setConfig(stack: string, on: boolean): Promise<void> {
  const { exitCode, stderr } = await capturePulumi(["config", "set", "flag", String(on)], { stack });
  if (exitCode === 0) return;
  throw new StepError(
    `flag: expected to set flag ${on} for stack ${stack}, got: ${stderr.trim()}. Set it by hand.`,
  );
}

function recordReason(config: RolloutConfig, on: boolean, reason: string): void {
  const folder = evidenceFolder(config.evidence.url);
  const release = takeLock(folder, `flag ${nameOf(on)}`);
  try {
    Chain.open(folder).append({ record: "event", event: "flag-switched", note: `${nameOf(on)}: ${reason}` });
  } finally {
    release();
  }
}

/** Every record is told to the database where it answers: one that is silent would cost its time limit each time. */
const DATABASE_MS = 2_000;

async function findDatabase({ databaseUrl }: RolloutConfig): Promise<string | undefined> {
  try {
    await (await connect(databaseUrl, { connectTimeoutMs: DATABASE_MS })).end();
    return databaseUrl;
  } catch {
    logLine("flag: the database does not answer; switching the flag off needs none");
    return undefined;
  }
}

/** Each step as `up` would run it, in order, in this process: the engine's start would cost seconds. */
async function runSteps(steps: ObservedStep[], databaseUrl: string | undefined): Promise<void> {
  for (const { planned, spec } of steps) {
    const { signal, stop } = watchCancellation(spec.deadlineSeconds);
    try {
      await runVerb("apply", planned.step, spec, { signal, log: logLine, databaseUrl });
    } finally {
      stop();
    }
  }
}

const untold = (stack: string, why: string) => [
  `Pulumi's state does not know of it yet (${why}). The flag is proven all the same; when there is time:`,
  `  npx rollout up --stack ${stack}`,
];

/**
 * Pulumi's state follows: the Commands of just these steps find them done and return what is stored. Whatever else the
 * config asks for by now is left to an `up` that somebody looks at.
 */
async function tellEngine(
  stack: string,
  { steps, databaseUrl }: { steps: ObservedStep[]; databaseUrl: string | undefined },
): Promise<string[]> {
  // The whole program would look at the database first.
  if (databaseUrl === undefined) return untold(stack, "the database does not answer");
  const targets = steps.flatMap(({ spec: { identity } }) => [
    "--target",
    `**${identity.phase}-${identity.step}-command`,
  ]);
  const args = ["up", "--yes", "--skip-preview", "--suppress-outputs", ...targets];
  const { exitCode, stdout } = await capturePulumi(args, { stack });
  if (exitCode === 0) return [];
  const reason = stdout.split("\n").find((line) => /^\s*(error:|- )/.test(line));
  return untold(stack, reason?.trim() ?? "Pulumi did not say why");
}

/**
 * Switches the flag by the steps that follow it, and by no other: file, restart in waves, proof. Needs neither the
 * database nor, until all is proven, the engine.
 * @returns what a person has to know.
 * @throws {StepError} before anything is changed where no phase with a flag is deployed; later with what is left.
 */
export async function switchFlag(
  stack: string,
  { on, reason }: { on: boolean; reason: string },
): Promise<string[]> {
  const config = { ...loadConfig(await readStackSource(stack)), flag: on };
  // On needs it, to try the new behaviour: there the steps say themselves what is wrong.
  const databaseUrl = on ? config.databaseUrl : await findDatabase(config);
  const chain = Chain.open(evidenceFolder(config.evidence.url));
  const survey = await observeAll(config, chain, observingDeps(config, chain));
  refuseUndeployed(config, survey);
  const refusals = survey.mode === "flag" ? findRefusals(config, survey, new Date()) : [];
  if (refusals.length > 0) throw new StepError(`flag: nothing was changed:\n  - ${refusals.join("\n  - ")}`);
  await setConfig(stack, on);
  recordReason(config, on, reason);
  const steps = survey.steps.filter(({ planned, action }) => planned.followsFlag && action === "apply");
  if (steps.length === 0) return [`flag ${nameOf(on)}: it was, on every host; nothing to do`];
  await runSteps(steps, databaseUrl);
  logLine(`flag ${nameOf(on)}: every process says so; now Pulumi's state follows`);
  return [`flag ${nameOf(on)}: proven (${reason})`, ...(await tellEngine(stack, { steps, databaseUrl }))];
}
