import { tellError } from "../errors/report-error.ts";
import { StepError } from "../errors/step-error.ts";
import type { Chain } from "../ledger/chain.ts";
import { type Entry, entryKey, foldEntries, startedAfter } from "../ledger/entries.ts";
import { staysLine } from "../ledger/finished.ts";
import { hostsOfLaterPhases } from "../ledger/later-hosts.ts";
import { describeLeft } from "../ledger/left.ts";
import { type BeginRecord, hashOf } from "../ledger/record.ts";
import { gaugeLines } from "./gauge.ts";
import { resultOf } from "./recorded.ts";
import type { BaseSpec, Step, StepDeps, UndoResult } from "./step.ts";
import type { TargetGuard } from "./target-guard.ts";

/** What running a step needs beside the step: the evidence, the outside, the target's own memory of both. */
export interface RunContext {
  chain: Chain;
  deps: StepDeps;
  target: TargetGuard;
  /** Finds the step of an evidence record, to unwind it. */
  findStep(kind: string): Promise<Step>;
}

/** Identifies what is applied: spec and generation, without secrets and connections (they are in no spec). */
export function digestOf(spec: BaseSpec): string {
  return hashOf(spec);
}

function entryOf(context: RunContext, spec: BaseSpec): Entry | undefined {
  return foldEntries(context.chain.records).get(entryKey(spec.identity));
}

async function record(context: RunContext, content: Parameters<Chain["append"]>[0]): Promise<number> {
  const written = context.chain.append(content, context.deps.now());
  await context.target.rememberHead({ number: written.number, hash: written.hash });
  return written.number;
}

type Fields = Pick<BeginRecord, "phase" | "step" | "kind" | "verb">;

/** Runs `work` between a begin record and an end record that says how it went. */
async function recorded<T extends object>(
  context: RunContext,
  fields: Fields,
  begin: Pick<BeginRecord, "digest" | "generation" | "spec" | "will">,
  work: () => Promise<T>,
): Promise<T> {
  const number = await record(context, { record: "begin", ...fields, ...begin });
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const outcome = context.deps.signal.aborted ? "cancelled" : "failed";
    const text = tellError(error, fields.step);
    const end = { record: "end", ...fields, begin: number, outcome, error: text } as const;
    // What broke the step may keep its record from being written; the step's own reason is the one to mend first.
    await record(context, end).catch((unrecorded: Error) =>
      context.deps.log(`${fields.step}: its end was not recorded: ${unrecorded.message}`),
    );
    throw error;
  }
  await record(context, {
    record: "end",
    ...fields,
    begin: number,
    outcome: "done",
    result: Object.fromEntries(Object.entries(result)),
  });
  return result;
}

function refuseBlocked(step: Step, blockers: string[]): void {
  if (blockers.length > 0) throw new StepError(`${step.name}: not started.\n  - ${blockers.join("\n  - ")}`);
}

/**
 * Applies a step once: a step that is done with the same digest and shows no drift returns its stored result,
 * so a rotated password takes no second backup.
 */
export async function applyStep(step: Step, spec: BaseSpec, context: RunContext): Promise<object> {
  await context.target.assertKnows(context.chain);
  const digest = digestOf(spec);
  const entry = entryOf(context, spec);
  // Its journal is gone: whatever the step saw now, it must not begin anew.
  if (entry?.finished && entry.state !== "undone") {
    context.deps.log(`${spec.identity.step}: ${staysLine(entry.finished)}`);
    return entry.result ?? {};
  }
  const observation = await step.observe(spec, context.deps);
  if (entry?.state === "done" && entry.digest === digest && observation.drift.length === 0) {
    context.deps.log(`${spec.identity.step}: done before (${entry.doneAt}), nothing to do`);
    return entry.result ?? {};
  }
  const overtaken = step.overtaken?.(spec, context.deps);
  refuseBlocked(step, overtaken ? [overtaken] : observation.blockers);
  const { phase, step: name } = spec.identity;
  return context.target.withLease(step, context.deps, (deps) =>
    recorded(
      context,
      { phase, step: name, kind: step.name, verb: "apply" },
      { digest, generation: spec.generation, spec: { ...spec }, will: observation.plan },
      () => step.apply(spec, deps),
    ),
  );
}

async function undoEntry(entry: Entry, context: RunContext): Promise<UndoResult> {
  const { phase, step: name, kind, digest, generation, finished } = entry;
  const record = (work: () => Promise<UndoResult>) =>
    recorded(
      context,
      { phase, step: name, kind, verb: "undo" },
      { digest, generation, spec: entry.spec, will: [] },
      work,
    );
  context.deps.log(`${name}: undoing`);
  // Neither database nor host is asked then: there is no journal any more, and a lease would bring its schema back.
  const undone = finished
    ? await record(async () => ({ summary: staysLine(finished), kept: [] }))
    : await undoUnderLease(entry, context, record);
  context.deps.log(`${name}: ${undone.summary}`);
  for (const thing of undone.left ?? []) context.deps.log(`LEFT ${describeLeft(thing)}`);
  return undone;
}

/**
 * Undoes a step once more that left something the last time, or whose undo was killed since.
 * @param spec what the undo goes by now: who tries again may have changed how.
 */
export function undoAgain(entry: Entry, spec: BaseSpec, context: RunContext): Promise<UndoResult> {
  return undoEntry({ ...entry, spec: { ...spec } }, context);
}

async function undoUnderLease(
  entry: Entry,
  context: RunContext,
  record: (work: () => Promise<UndoResult>) => Promise<UndoResult>,
): Promise<UndoResult> {
  const step = await context.findStep(entry.kind);
  const parsed = step.spec.parse(entry.spec);
  return context.target.withLease(step, context.deps, (deps) =>
    record(() => step.undo(parsed, deps, resultOf(step, entry))),
  );
}

/** Before the first undo of a phase the person who watches reads what all of it will do. */
async function logGauge(entries: Entry[], first: Entry, context: RunContext): Promise<void> {
  if (first.finished) return;
  const inPhase = entries.filter(({ phase }) => phase === first.phase);
  const begun = inPhase.some((entry) => entry.state === "undone" && entry.since > first.since);
  if (begun) return;
  const lines = await gaugeLines(inPhase, context.deps, context.findStep);
  if (lines.length > 0) context.deps.log(`going back from ${first.phase} will\n  ${lines.join("\n  ")}`);
}

/** A phase that is undone in part is worse than one that is not begun: its database has to answer first. */
async function requireTarget(entries: Entry[], context: RunContext): Promise<void> {
  const undone = entries.filter(({ finished }) => !finished);
  const steps = await Promise.all(undone.map(({ kind }) => context.findStep(kind)));
  if (steps.some(({ lease }) => lease)) await (await context.deps.connect()).end();
}

/**
 * The database goes back last: a host that still runs a later release would write what the old schema does not take.
 * The order of the steps sees to that; this holds it also when somebody undoes a step out of its turn.
 */
async function requireHostsBack(
  { identity: { stack, step } }: BaseSpec,
  { entry, left }: { entry: Entry; left: Entry[] },
  context: RunContext,
): Promise<void> {
  const steps = await Promise.all(
    left.filter(({ finished }) => !finished).map(({ kind }) => context.findStep(kind)),
  );
  if (!steps.some(({ lease }) => lease)) return;
  const since = Math.min(...left.map((each) => each.since));
  const hosts = hostsOfLaterPhases(context.chain.records, { phase: entry.phase, since });
  if (hosts.length === 0) return;
  const lines = hosts.map(
    ({ host, phase, release }) =>
      `${host}: ${phase} is not undone there; it may still run ${release ? `release ${release.slice(0, 12)}` : "what that phase brought"}`,
  );
  throw new StepError(
    `${step}: not undone: the database waits for ${hosts.length} hosts that may still run a later release.\n  - ` +
      `${lines.join("\n  - ")}\n  Undo that phase first: npx rollout up --stack ${stack}. A host that is gone ` +
      `for good: npx rollout recover --without <host> --reason "…" --stack ${stack}`,
  );
}

/**
 * Undoes a step. First whatever of its phase began later and is not undone, newest first: Pulumi does not record a
 * create that failed, so the evidence alone knows of it, and it stands on this step.
 */
export async function undoStep(spec: BaseSpec, context: RunContext): Promise<UndoResult> {
  await context.target.assertKnows(context.chain);
  const entry = entryOf(context, spec);
  if (!entry || entry.state === "undone") {
    return { summary: "nothing to undo: the evidence knows of nothing that is left", kept: [] };
  }
  const entries = foldEntries(context.chain.records);
  const left = [...entries.values()].filter(
    ({ phase, state }) => phase === entry.phase && state !== "undone",
  );
  await requireHostsBack(spec, { entry, left }, context);
  await requireTarget(left, context);
  await logGauge([...entries.values()], entry, context);
  for (const later of startedAfter(entries, entry)) await undoEntry(later, context);
  return undoEntry(entry, context);
}
