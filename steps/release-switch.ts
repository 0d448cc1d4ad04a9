import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { ReleasesSection } from "../config/releases.ts";
import type { HostFolder } from "../config/target.ts";
import { forgetBefore, keepBefore, readBefore } from "../hosts/before-record.ts";
import type { HostWriter } from "../hosts/host-shell.ts";
import { wantedRelease } from "../hosts/ownership.ts";
import {
  type ReleaseReading,
  readReleases,
  releasesToPrune,
  removeReleases,
  switchRelease,
} from "../hosts/release-folder.ts";
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
  SpecFolders,
  shortSha,
  unreadable,
} from "./restart/host-work.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps, type UndoResult } from "./step.ts";

/** Between which releases `current` is switched, and how many others stay. */
export const ReleaseSwitchSpec = BaseSpec.extend({
  hosts: SpecFolders,
  from: ReleasesSection.shape.baseline,
  to: ReleasesSection.shape.feature,
  keep: DeploymentSection.shape.keep,
});
export type ReleaseSwitchSpec = z.infer<typeof ReleaseSwitchSpec>;

export interface ReleaseSwitchResult {
  release: string;
  /** What `current` pointed at before, by host; null for nothing. */
  before: Record<string, string | null>;
  /** Old releases that were removed, by host; hosts without any are left out. */
  removed: Record<string, string[]>;
  /** The step that owns `current` by now, when it is another: then nothing was switched. */
  supersededBy?: string;
}

/** What is read again of it. */
export const ReleaseSwitchRecord = z.object({ before: z.record(z.string(), z.string().nullable()) });
type ReleaseSwitchRecord = z.infer<typeof ReleaseSwitchRecord>;

function found(outcomes: readonly HostOutcome<ReleaseReading, HostFolder>[]) {
  return outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome] : []));
}

const said = ({ current, link }: ReleaseReading) => (current ? shortSha(current) : link || "nothing");

/** Releases that nobody asked for: someone else deploys here. One that this step switched to before is none. */
function strangers(
  spec: ReleaseSwitchSpec,
  outcomes: readonly HostOutcome<ReleaseReading, HostFolder>[],
  deps: StepDeps,
): string[] {
  const { from, to, identity } = spec;
  const own = deps.evidence.entries().get(entryKey(identity));
  const last = own && own.state !== "undone" ? [own.spec.to, own.doneSpec?.to] : [];
  const ours: unknown[] = [from, to, ...last];
  return found(outcomes)
    .filter(({ value: { current } }) => !ours.includes(current ?? ""))
    .map(
      ({ host, value }) =>
        `expected current on ${host.name} to be ${shortSha(from)} or ${shortSha(to)}, got ${said(value)}. ` +
        "Correct `releases` in the stack config, or point it at the release that should run.",
    );
}

async function observe(spec: ReleaseSwitchSpec, deps: StepDeps): Promise<Observation> {
  const owner = laterOwner(spec, "release-switch", deps);
  if (owner) {
    const line = `nothing: ${owner.phase} ${owner.step} owns \`current\``;
    return { drift: [], plan: [line], undo: [line], blockers: [] };
  }
  const { to, from, hosts } = spec;
  const outcomes = await onHosts(hosts, (host) => readReleases(host, deps));
  const others = found(outcomes).filter(({ value }) => value.current !== to);
  const drift = others.map(({ host, value }) => ({
    expected: `current on ${host.name} at ${shortSha(to)}`,
    observed: said(value),
  }));
  const plan = others.map(({ host, value }) => `${host.name}: current ${said(value)} -> ${shortSha(to)}`);
  const back = wantedRelease(deps.evidence.entries(), spec.identity) ?? from;
  return {
    drift: [...drift, ...unreadable(outcomes)],
    plan,
    undo: [`points current back, to ${shortSha(back)}, on ${hosts.length} hosts; a restart follows`],
    blockers: [...faultsOf(outcomes), ...strangers(spec, outcomes, deps)],
  };
}

/** Every commit that a step may still have to go to or back to, or that runs until the services restart. */
function wantedReleases(deps: StepDeps): Set<unknown> {
  const steps = [...deps.evidence.entries().values()].filter(({ state }) => state !== "undone");
  return new Set(
    steps.flatMap(({ kind, spec, doneSpec, result }) => {
      if (kind === "release") return [spec.sha, doneSpec?.sha];
      if (kind !== "release-switch") return [];
      return [
        spec.from,
        spec.to,
        doneSpec?.to,
        ...Object.values((result?.before as object | undefined) ?? {}),
      ];
    }),
  );
}

/** Here and not at the installation: until the new release has passed its tests nothing has to make room for it. */
async function prune(host: HostFolder, { keep }: ReleaseSwitchSpec, deps: StepDeps, writer: HostWriter) {
  const old = releasesToPrune(await readReleases(host, writer), { wanted: wantedReleases(deps), keep });
  await removeReleases(host, old, writer);
  return old;
}

async function switchOn(host: HostFolder, spec: ReleaseSwitchSpec, deps: StepDeps) {
  const writer = hostWriter(spec, deps);
  const reading = await readReleases(host, writer);
  const now = { before: reading.current ?? null, found: reading.current ?? "", leaves: spec.to };
  const change = { ...now, isRepair: isRepair(spec, deps) };
  const before = await keepBefore(host, keepKey(spec, deps), change, writer);
  await switchRelease(host, { to: spec.to, reading }, writer);
  deps.log(`release-switch: ${host.name}: ${said(reading)} -> ${shortSha(spec.to)}`);
  return { before, removed: await prune(host, spec, deps, writer) };
}

async function apply(spec: ReleaseSwitchSpec, deps: StepDeps): Promise<ReleaseSwitchResult> {
  const owner = laterOwner(spec, "release-switch", deps);
  if (owner)
    return { release: spec.to, before: {}, removed: {}, supersededBy: `${owner.phase} ${owner.step}` };
  const done = requireAll("release-switch", await onHosts(spec.hosts, (host) => switchOn(host, spec, deps)));
  const before = Object.fromEntries(done.map(({ host, value }) => [host.name, value.before]));
  const pruned = done.filter(({ value }) => value.removed.length > 0);
  const removed = Object.fromEntries(pruned.map(({ host, value }) => [host.name, value.removed]));
  return { release: spec.to, before, removed };
}

/**
 * Points `current` of a host back: at what the evidence wants now, else at what was there before.
 * @param key under which the host keeps what was there.
 * @returns what `current` pointed at when it was no release of ours.
 */
export async function switchBack(
  host: HostFolder,
  spec: ReleaseSwitchSpec,
  { key, result, deps, writer }: HostUndo<ReleaseSwitchRecord>,
): Promise<string | undefined> {
  const reading = await readReleases(host, writer);
  const kept = await readBefore(host, key, writer);
  const before = (typeof kept === "string" ? kept : beforeOn(host, result)) ?? spec.from;
  const untouched = !result && kept === undefined && reading.current !== spec.to;
  const to = wantedRelease(deps.evidence.entries(), spec.identity) ?? before;
  if (!untouched) await switchRelease(host, { to, reading }, writer);
  await forgetBefore(host, key, writer);
  deps.log(`release-switch: ${host.name}: ${said(reading)} -> ${untouched ? "left alone" : shortSha(to)}`);
  return [spec.to, spec.from, to].includes(reading.current ?? "") ? undefined : said(reading);
}

async function undo(
  spec: ReleaseSwitchSpec,
  deps: StepDeps,
  result?: ReleaseSwitchRecord,
): Promise<UndoResult> {
  const work = { key: keepKey(spec, deps), result, deps, writer: hostWriter(spec, deps) };
  const outcomes = await onHosts(spec.hosts, (host) => switchBack(host, spec, work));
  const { done, left } = leaveOut(spec, outcomes, deps);
  const edited = done.flatMap(({ host, value }) =>
    value === undefined
      ? []
      : [{ subject: `${host.name}: current at ${value}`, reason: "set by hand: replaced" }],
  );
  return {
    summary: `pointed current back on ${done.length} hosts${leftNames(left)}`,
    kept: [...left, ...edited],
  };
}

/** `current` of every host pointed at a release by one rename each. What runs goes on as it is until it restarts. */
export const releaseSwitch = defineStep({
  name: "release-switch",
  spec: ReleaseSwitchSpec,
  result: ReleaseSwitchRecord,
  lease: false,
  deadlineSeconds: 30 * MINUTE,
  observe,
  apply,
  undo,
});
