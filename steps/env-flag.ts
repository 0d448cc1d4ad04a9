import { z } from "zod";
import type { Host } from "../config/target.ts";
import { type Before, forgetBefore, keepBefore, readBefore } from "../hosts/before-record.ts";
import { FlagPlace, readFlag, writeFlag } from "../hosts/flag-file.ts";
import { wantedFlag } from "../hosts/ownership.ts";
import { entryKey } from "../ledger/entries.ts";
import {
  beforeOn,
  faultsOf,
  type HostOutcome,
  type HostUndo,
  hostWriter,
  keepKey,
  laterOwner,
  leaveOut,
  leftNames,
  onHosts,
  requireAll,
  SpecHosts,
  unreadable,
} from "./restart/host-work.ts";
import { BaseSpec, type Observation, type Step, type StepDeps, type UndoResult } from "./step.ts";

/** Where the flag is written, and its value. */
export const EnvFlagSpec = BaseSpec.extend({
  hosts: SpecHosts,
  ...FlagPlace.shape,
  /** Null takes the line out: the code knows no flag any more. */
  value: z.boolean().nullable(),
});
export type EnvFlagSpec = z.infer<typeof EnvFlagSpec>;

export interface EnvFlagResult {
  value: boolean | null;
  /** The flag's text before, by host; null where it was not set. */
  before: Record<string, Before>;
  /** What a person should know, such as lines that were folded. */
  notes: string[];
  /** Hosts that could not be written, with the reason, where the others went on: the step has to run again for them. */
  unfinished?: string[];
  /** The step that owns the flag by now, when it is another: then nothing was written. */
  supersededBy?: string;
}

const placeOf = ({ backend, variable }: EnvFlagSpec): FlagPlace => ({ backend, variable });
const said = (text: string | null) => text ?? "not set";
const textOf = (value: boolean | null) => (value === null ? null : String(value));

function found<T>(outcomes: readonly HostOutcome<T>[]) {
  return outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome] : []));
}

async function observe(spec: EnvFlagSpec, deps: StepDeps): Promise<Observation> {
  const owner = laterOwner(spec, "env-flag", deps);
  if (owner) {
    const line = `nothing: ${owner.phase} ${owner.step} owns the flag`;
    return { drift: [], plan: [line], undo: [line], blockers: [] };
  }
  const { variable, value: wanted, hosts } = spec;
  const outcomes = await onHosts(hosts, (host) => readFlag(host, placeOf(spec), deps));
  const seen = found(outcomes);
  const others = seen.filter(({ value }) => value.value !== wanted);
  const back = wantedFlag(deps.evidence.entries(), spec.identity);
  const out = faultsOf(outcomes);
  return {
    drift: [
      ...others.map(({ host, value }) => ({
        expected:
          wanted === null ? `no ${variable} on ${host.name}` : `${variable}=${wanted} on ${host.name}`,
        observed: said(value.text),
      })),
      ...unreadable(outcomes),
    ],
    plan: [
      ...others.map(
        ({ host, value }) => `${host.name}: ${variable} ${said(value.text)} -> ${said(textOf(wanted))}`,
      ),
      ...seen.flatMap(({ host, value }) => value.notes.map((note) => `${host.name}: ${note}`)),
      ...(wanted === false ? out.map((fault) => `${fault} (listed; the other hosts go on)`) : []),
    ],
    undo: [`sets ${variable} to ${back ?? "what it was before"} on ${hosts.length} hosts; a restart follows`],
    // Off is the way back: a host that cannot be reached must not keep the others on.
    blockers: [...(wanted === false ? [] : out), ...seen.flatMap(({ value }) => value.faults)],
  };
}

/** Nobody switches the flag back on whose wish is older than somebody's off. */
function overtaken({ identity, value, generation }: EnvFlagSpec, deps: StepDeps): string | undefined {
  const last = deps.evidence.entries().get(entryKey(identity));
  const isOff = last && last.state !== "undone" && last.spec.value === false;
  if (!value || !isOff || generation > last.generation) return undefined;
  return (
    `expected the flag as this run found it, got off since record ${last.begun}: another run has switched it. ` +
    `To have it on all the same, begin anew: npx rollout up --stack ${identity.stack}`
  );
}

async function setOn(host: Host, spec: EnvFlagSpec, deps: StepDeps) {
  const writer = hostWriter(spec, deps);
  const reading = await readFlag(host, placeOf(spec), writer);
  const before = await keepBefore(host, keepKey(spec, deps), reading.text, writer);
  const notes = await writeFlag(host, placeOf(spec), textOf(spec.value), writer);
  for (const line of [`${host.name}: ${said(reading.text)} -> ${said(textOf(spec.value))}`, ...notes])
    deps.log(`env-flag: ${line}`);
  return { before, notes };
}

/** Off is the way back: one host that fails must not keep the others from it, nor from their restart. */
function settle(
  spec: EnvFlagSpec,
  outcomes: HostOutcome<Awaited<ReturnType<typeof setOn>>>[],
  deps: StepDeps,
) {
  const done = found(outcomes);
  if (spec.value !== false || done.length === 0)
    return { done: requireAll("env-flag", outcomes), unfinished: [] };
  const unfinished = faultsOf(outcomes);
  for (const fault of unfinished) deps.log(`env-flag: not done on ${fault} The other hosts go on.`);
  return { done, unfinished };
}

async function apply(spec: EnvFlagSpec, deps: StepDeps): Promise<EnvFlagResult> {
  const { value } = spec;
  const owner = laterOwner(spec, "env-flag", deps);
  if (owner) return { value, before: {}, notes: [], supersededBy: `${owner.phase} ${owner.step}` };
  const outcomes = await onHosts(spec.hosts, (host) => setOn(host, spec, deps));
  const { done, unfinished } = settle(spec, outcomes, deps);
  return {
    value,
    before: Object.fromEntries(done.map(({ host, value: { before } }) => [host.name, before])),
    notes: done.flatMap(({ value: { notes } }) => notes),
    ...(unfinished.length > 0 ? { unfinished } : {}),
  };
}

/**
 * Sets the flag of a host back: to what the evidence wants now, else to what it was before.
 * @param key under which the host keeps what was there.
 * @returns the text that was replaced although it was not the one that this step had left.
 */
export async function setFlagBack(
  host: Host,
  spec: EnvFlagSpec,
  { key, result, deps, writer }: HostUndo<EnvFlagResult>,
): Promise<string | undefined> {
  const kept = await readBefore(host, key, writer);
  const before = beforeOn(host, result, kept);
  const wanted = wantedFlag(deps.evidence.entries(), spec.identity);
  const target = wanted === undefined ? before : textOf(wanted);
  const { text, value } = await readFlag(host, placeOf(spec), writer);
  // Neither result nor record: this step never came to change the host.
  if (target !== undefined) await writeFlag(host, placeOf(spec), target, writer);
  await forgetBefore(host, key, writer);
  deps.log(`env-flag: ${host.name}: ${said(text)} -> ${target === undefined ? "left alone" : said(target)}`);
  return value === spec.value || text === target || target === undefined ? undefined : said(text);
}

async function undo(spec: EnvFlagSpec, deps: StepDeps, result?: EnvFlagResult): Promise<UndoResult> {
  const work = { key: keepKey(spec, deps), result, deps, writer: hostWriter(spec, deps) };
  const outcomes = await onHosts(spec.hosts, (host) => setFlagBack(host, spec, work));
  const { done, left } = leaveOut(spec, outcomes, deps);
  const edited = done.flatMap(({ host, value }) =>
    value === undefined
      ? []
      : [{ subject: `${host.name}: ${spec.variable}=${value}`, reason: "set by hand: replaced" }],
  );
  const folded = (result?.notes ?? []).map((subject) => ({
    subject,
    reason: "stay folded: one line is enough",
  }));
  const summary = `set ${spec.variable} back on ${done.length} hosts${leftNames(left)}`;
  return { summary, kept: [...left, ...edited, ...folded] };
}

/** The feature flag in the files of every host. What runs goes on as it is until it restarts. @see runbook 2.4 */
export const envFlag: Step<EnvFlagSpec, EnvFlagResult> = {
  name: "env-flag",
  spec: EnvFlagSpec,
  lease: false,
  observe,
  overtaken,
  apply,
  undo,
};
