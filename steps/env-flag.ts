import { z } from "zod";
import type { Host } from "../config/target.ts";
import { forgetBefore, keepBefore } from "../hosts/before-record.ts";
import {
  beforeOf,
  FlagValueBefore,
  readFlagBefore,
  restoreFlag,
  restoreFlagValue,
  valueBefore,
} from "../hosts/flag-before.ts";
import { FlagPlace, planFlag, readFlag, writeFlag } from "../hosts/flag-file.ts";
import { HostError } from "../hosts/host-shell.ts";
import { wantedFlag } from "../hosts/ownership.ts";
import { entryKey } from "../ledger/entries.ts";
import {
  beforeOn,
  faultsOf,
  type HostOutcome,
  type HostUndo,
  hostWriter,
  isRepair,
  keepKey,
  laterOwner,
  leaveOut,
  leftNames,
  onHosts,
  requireAll,
  SpecHosts,
  unreadable,
} from "./restart/host-work.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps, type UndoResult } from "./step.ts";

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
  /** The flag's value before, by host; null where it was not set. The bytes are the host's own record. */
  before: Record<string, FlagValueBefore>;
  /** What a person should know, such as lines that were folded. */
  notes: string[];
  /** Hosts that could not be written, with the reason, where the others went on: the step has to run again for them. */
  unfinished?: string[];
  /** The step that owns the flag by now, when it is another: then nothing was written. */
  supersededBy?: string;
}

/** What is read again of it. */
export const EnvFlagRecord = z.object({
  before: z.record(z.string(), FlagValueBefore),
  notes: z.array(z.string()).default([]),
});
type EnvFlagRecord = z.infer<typeof EnvFlagRecord>;

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
  const hidden = seen.flatMap(({ host, value }) =>
    planFlag(host, placeOf(spec), value, textOf(wanted)).faults.map((fault) => `${host.name}: ${fault}`),
  );
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
      ...(wanted === false
        ? [...out, ...hidden].map((fault) => `${fault} (listed; the other hosts go on)`)
        : []),
    ],
    undo: [`sets ${variable} to ${back ?? "what it was before"} on ${hosts.length} hosts; a restart follows`],
    // Off is the way back: a host that cannot be reached must not keep the others on.
    blockers: wanted === false ? [] : [...out, ...hidden],
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
  const place = placeOf(spec);
  const value = textOf(spec.value);
  const reading = await readFlag(host, place, writer);
  const { found, leaves, faults } = planFlag(host, place, reading, value);
  // Before anything is recorded: what is refused has changed nothing.
  if (faults[0] !== undefined) throw new HostError("env-flag", host.name, faults[0]);
  const now = { before: beforeOf(reading, place), found, leaves, isRepair: isRepair(spec, deps) };
  const before = valueBefore(await keepBefore(host, keepKey(spec, deps), now, writer), place);
  const notes = await writeFlag(host, place, { value, reading }, writer);
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

/** What the flag is to be again, for the log. */
function showTarget(wanted: boolean | null | undefined, isKnown: boolean): string {
  if (wanted !== undefined) return said(textOf(wanted));
  return isKnown ? "as it was before" : "left alone";
}

/**
 * Sets the flag of a host back: to what the evidence wants now, else to just what was there before.
 * @param key under which the host keeps what was there.
 * @returns the text that was replaced although it was not the one that this step had left.
 */
export async function setFlagBack(
  host: Host,
  spec: EnvFlagSpec,
  { key, result, deps, writer }: HostUndo<EnvFlagRecord>,
): Promise<string | undefined> {
  const place = placeOf(spec);
  const kept = await readFlagBefore(host, key, writer);
  const wanted = wantedFlag(deps.evidence.entries(), spec.identity);
  const told = wanted === undefined ? beforeOn(host, result) : textOf(wanted);
  const restored = kept
    ? await restoreFlag(host, place, { before: kept, wanted }, writer)
    : told !== undefined && (await restoreFlagValue(host, place, told, writer));
  await forgetBefore(host, key, writer);
  // Neither record nor result, and nothing wanted: this step never came to change the host.
  const { text, value } = restored || (await readFlag(host, place, writer));
  deps.log(`env-flag: ${host.name}: ${said(text)} -> ${showTarget(wanted, restored !== false)}`);
  const was = kept ? valueBefore(kept, place) : told;
  const isOurs = value === spec.value || value === wanted || text === was;
  return isOurs || !restored ? undefined : said(text);
}

async function undo(spec: EnvFlagSpec, deps: StepDeps, result?: EnvFlagRecord): Promise<UndoResult> {
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
export const envFlag = defineStep({
  name: "env-flag",
  spec: EnvFlagSpec,
  result: EnvFlagRecord,
  lease: false,
  deadlineSeconds: 30 * MINUTE,
  observe,
  overtaken,
  apply,
  undo,
});
