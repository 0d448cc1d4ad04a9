import { LAST_PHASE, phaseTitle } from "../../config/phase.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { Chain } from "../../ledger/chain.ts";
import { awaitLock, type LockHolder } from "../../ledger/lock.ts";
import { connect } from "../../postgres/connect.ts";
import { watchCancellation } from "../../steps/cancellation.ts";
import { runVerb } from "../../steps/run-verb.ts";
import { lastProof } from "../status/last-proof.ts";
import { proofLimits } from "../status/render.ts";
import { logLine } from "../verb.ts";
import { type FlagSource, readFlagSource, setFlagConfig } from "./flag-source.ts";
import { type FlagStep, lowerCommand, recordedFlagSteps, surveyFlagSteps } from "./flag-steps.ts";
import { tellEngine } from "./tell-engine.ts";

/** Exit code where the flag is off and proven, and the config still says on. */
const CONFIG_UNTOLD = 3;

const nameOf = (on: boolean) => (on ? "on" : "off");

/** What a person asked for. */
export interface FlagWish {
  on: boolean;
  reason: string;
  /** Longest wait for another run that is at work. */
  waitSeconds: number;
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
async function runSteps(steps: FlagStep[], databaseUrl: string | undefined): Promise<void> {
  for (const { step, spec } of steps) {
    const { signal, stop } = watchCancellation(spec.deadlineSeconds);
    try {
      await runVerb("apply", step, spec, { signal, log: logLine, databaseUrl, locked: true });
    } finally {
      stop();
    }
  }
}

/** Steps as the config has them; where nobody could read it, as they were last done. */
async function findSteps(stack: string, { config, fault }: FlagSource, chain: Chain): Promise<FlagStep[]> {
  if (config) return surveyFlagSteps(config, chain);
  logLine(`flag: going on without the configuration, by what the evidence says was last done (${fault})`);
  return recordedFlagSteps(stack, chain);
}

/** @returns the steps that ran, and why the config does not say so. */
async function switchUnderLock(
  stack: string,
  source: FlagSource,
  { on, reason }: FlagWish,
  databaseUrl: string | undefined,
): Promise<{ steps: FlagStep[]; fault: string | undefined }> {
  const chain = Chain.open(source.folder);
  const steps = await findSteps(stack, source, chain);
  const fault = source.fault ?? (await setFlagConfig(stack, on));
  chain.append({ record: "event", event: "flag-switched", note: `${nameOf(on)}: ${reason}` });
  try {
    await runSteps(steps, databaseUrl);
  } catch (error) {
    // A host that is left is told by the error: this must be known as well.
    for (const line of fault ? stillOn(stack, fault) : []) logLine(line);
    throw error;
  }
  return { steps, fault };
}

const stillOn = (stack: string, why: string) => [
  `BUT THE CONFIG STILL SAYS ON, and the next \`up\` would switch it on again (${why}). Set it as soon as Pulumi answers:`,
  `  pulumi config set flag false --stack ${stack}`,
];

/** The flag may go off while the last phase has not switched anything yet; that phase cannot be gone on with then. */
const stillPermanent = (stack: string) => [
  `${phaseTitle(LAST_PHASE)} is still wanted, and \`up\` refuses it with the flag off. Take it back, which also tells Pulumi's state:`,
  `  ${lowerCommand(stack)}`,
];

const nextFor = (stack: string, on: boolean) => (holder: LockHolder) =>
  `It did not end in time. Stop it (Ctrl-C there, or kill ${holder.pid}), then: npx rollout recover --stack ${stack}, ` +
  `and again: npx rollout flag ${nameOf(on)} --reason "…" --stack ${stack}`;

/**
 * Switches the flag by the steps that follow it, and by no other: file, restart in waves, proof. Off needs neither
 * database nor Pulumi. The evidence's lock is held until all is proven, so that no step of another run comes in between.
 * @returns what a person has to know, and the exit code: 3 when the flag is off and the config does not say so.
 * @throws {StepError} before anything is changed where no phase with a flag is deployed; later with what is left.
 */
export async function switchFlag(
  stack: string,
  wish: FlagWish,
): Promise<{ lines: string[]; exitCode: number }> {
  const { on, reason, waitSeconds } = wish;
  const read = await readFlagSource(stack, on);
  const source = read.config ? { ...read, config: { ...read.config, flag: on } } : read;
  // On needs it, to try the new behaviour: there the steps say themselves what is wrong.
  const databaseUrl = on ? source.config?.databaseUrl : source.config && (await findDatabase(source.config));
  const next = nextFor(stack, on);
  const release = await awaitLock(source.folder, `flag ${nameOf(on)}`, { waitSeconds, next, log: logLine });
  const { steps, fault } = await switchUnderLock(stack, source, wish, databaseUrl).finally(release);
  const proof = steps.length > 0 ? lastProof(Chain.open(source.folder).records) : null;
  const done =
    steps.length > 0
      ? `proven (${reason})${proof ? proofLimits(proof) : ""}`
      : "it was, on every host; nothing to do";
  const lines = [`flag ${nameOf(on)}: ${done}`];
  if (fault) return { lines: [...lines, ...stillOn(stack, fault)], exitCode: CONFIG_UNTOLD };
  if (!on && source.config?.phase === LAST_PHASE)
    return { lines: [...lines, ...stillPermanent(stack)], exitCode: 0 };
  if (steps.length === 0) return { lines, exitCode: 0 };
  logLine(`flag ${nameOf(on)}: proven on every host; now Pulumi's state follows`);
  const specs = steps.map(({ spec }) => spec);
  return { lines: [...lines, ...(await tellEngine(stack, { specs, databaseUrl }))], exitCode: 0 };
}
