import { z } from "zod";
import { Host, HostFolder } from "../../config/target.ts";
import { StepError } from "../../errors/step-error.ts";
import { beforeKey } from "../../hosts/before-record.ts";
import { type HostWriter, hostReason } from "../../hosts/host-shell.ts";
import { abandonedHosts } from "../../ledger/abandoned-hosts.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import type { BaseSpec, Drift, StepDeps, UndoResult } from "../step.ts";

/** The hosts of a spec. */
export const SpecHosts = z.array(Host).min(1);

/** The hosts of a spec that is about their folders alone. */
export const SpecFolders = z.array(HostFolder).min(1);

/** Hosts that are looked at or changed at the same time. */
const AT_ONCE = 8;

/** What came of one host: a value, or what is wrong with it. */
export type HostOutcome<T, H extends HostFolder = Host> =
  | { host: H; value: T; fault?: never }
  | { host: H; fault: string };

async function attempt<T, H extends HostFolder>(
  host: H,
  work: (host: H) => Promise<T>,
): Promise<HostOutcome<T, H>> {
  try {
    return { host, value: await work(host) };
  } catch (error) {
    return { host, fault: hostReason(host.name, error) };
  }
}

/** Works on every host, some at a time; one that is unreachable or broken does not keep the others from it. */
export async function onHosts<T, H extends HostFolder>(
  hosts: readonly H[],
  work: (host: H) => Promise<T>,
): Promise<HostOutcome<T, H>[]> {
  const outcomes: HostOutcome<T, H>[] = [];
  for (let index = 0; index < hosts.length; index += AT_ONCE)
    outcomes.push(
      ...(await Promise.all(hosts.slice(index, index + AT_ONCE).map((host) => attempt(host, work)))),
    );
  return outcomes;
}

/** What is wrong with hosts, one line each. */
export function faultsOf(outcomes: readonly HostOutcome<unknown, HostFolder>[]): string[] {
  return outcomes.flatMap(({ host, fault }) => (fault === undefined ? [] : [`${host.name}: ${fault}`]));
}

/** A host that cannot be read: what was left there can not be seen. */
export function unreadable(outcomes: readonly HostOutcome<unknown, HostFolder>[]): Drift[] {
  return faultsOf(outcomes).map((fault) => ({ expected: "a host that can be looked at", observed: fault }));
}

/**
 * The values of all hosts.
 * @throws {StepError} naming each host that failed, and those that are done: a run that follows goes on from there.
 */
export function requireAll<T, H extends HostFolder>(
  step: string,
  outcomes: readonly HostOutcome<T, H>[],
): { host: H; value: T }[] {
  const faults = faultsOf(outcomes);
  const done = outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome] : []));
  if (faults.length === 0) return done as { host: H; value: T }[];
  const names = done.map(({ host }) => host.name).join(", ") || "none";
  throw new StepError(
    `${step}: expected ${outcomes.length} hosts to be done, got ${faults.length} that are not:\n  - ` +
      `${faults.join("\n  - ")}\n  Done: ${names}. Mend it and run again: what is done stays done.`,
  );
}

/** Hosts that failed and are given up: each with the reasons, and nobody waits for it. What it runs is not known. */
export function givenUp(
  outcomes: readonly HostOutcome<unknown, HostFolder>[],
  { evidence }: Pick<StepDeps, "evidence">,
): UndoResult["kept"] {
  const abandoned = abandonedHosts(evidence.records());
  return outcomes.flatMap(({ host: { name }, fault }) => {
    const why = abandoned.get(name);
    if (fault === undefined || why === undefined) return [];
    return [{ subject: name, reason: `left for good, ${why}: ${fault}` }];
  });
}

/**
 * What was undone on the hosts that answer. The way back is not blocked by one that is out: as soon as one host is done,
 * the others are named and left. They are not lost: each keeps its record of what it had before (hosts/before-record.ts),
 * and the opening restart of the phase, the last to be undone, goes by it (left-hosts.ts).
 * @throws {StepError} when no host is done, unless all of them are given up.
 */
export function leaveOut<T, H extends HostFolder>(
  { identity }: BaseSpec,
  outcomes: readonly HostOutcome<T, H>[],
  deps: Pick<StepDeps, "log" | "evidence">,
): { done: { host: H; value: T }[]; left: UndoResult["kept"] } {
  const done = outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome] : []));
  const lost = givenUp(outcomes, deps);
  if (done.length + lost.length === 0) return { done: requireAll(identity.step, outcomes), left: [] };
  const later = `The opening restart brings it back; once it answers: npx rollout up --stack ${identity.stack}`;
  const left = outcomes.flatMap(({ host: { name }, fault }) =>
    fault === undefined
      ? []
      : [
          lost.find(({ subject }) => subject === name) ?? {
            subject: name,
            reason: `left as it is: ${fault} ${later}`,
          },
        ],
  );
  for (const { subject, reason } of left) deps.log(`${identity.step}: ${subject}: ${reason}`);
  return { done, left };
}

/** ` (left: host-b)`, for a summary; nothing when none was. */
export function leftNames(left: UndoResult["kept"]): string {
  return left.length === 0 ? "" : ` (left: ${left.map(({ subject }) => subject).join(", ")})`;
}

function entryOf({ identity }: BaseSpec, deps: StepDeps): Entry {
  const entry = deps.evidence.entries().get(entryKey(identity));
  if (entry) return entry;
  throw new StepError(
    `${identity.step}: expected its begin in the evidence, got none. Run it by \`rollout\`.`,
  );
}

/** Changes hosts as this very run: they refuse one that began earlier. */
export function hostWriter(spec: BaseSpec, deps: StepDeps): HostWriter {
  return { shell: deps.shell, signal: deps.signal, token: entryOf(spec, deps).begun };
}

/** Under which name this attempt of the step keeps on the hosts what was there before. */
export function keepKey(spec: BaseSpec, deps: StepDeps): string {
  return beforeKey(entryOf(spec, deps));
}

/** What the undo of a step on one host works with. */
export interface HostUndo<Result> {
  /** Under which name the host keeps what was there before. */
  key: string;
  result?: Result | undefined;
  deps: StepDeps;
  writer: HostWriter;
}

/** What the evidence says of a host from before a step; undefined where the step never came to its end. */
export function beforeOn<Before>(
  { name }: HostFolder,
  result: { before: Record<string, Before> } | undefined,
): Before | undefined {
  return result && name in result.before ? result.before[name] : undefined;
}

/** Whether this attempt of the step came to its end before: then what is found is drift, and was not there before it. */
export function isRepair(spec: BaseSpec, deps: StepDeps): boolean {
  return entryOf(spec, deps).result !== undefined;
}

/** The step of the same kind that began after this one and is not undone: the thing is its own now. */
export function laterOwner({ identity }: BaseSpec, kind: string, deps: StepDeps): Entry | undefined {
  const entries = deps.evidence.entries();
  const own = entries.get(entryKey(identity));
  if (!own || own.state === "undone") return undefined;
  return [...entries.values()]
    .filter((entry) => entry.kind === kind && entry.state !== "undone" && entry.since > own.since)
    .sort((a, b) => b.since - a.since)[0];
}

/**
 * A later phase that owns the release as well as the flag: nothing of what this phase brought runs any more.
 * @returns its name, `validation env-flag`.
 */
export function laterOwnerOfAll(spec: BaseSpec, deps: StepDeps): string | undefined {
  const [release, flag] = ["release-switch", "env-flag"].map((kind) => laterOwner(spec, kind, deps));
  return release && flag ? `${flag.phase} ${flag.step}` : undefined;
}

/** A commit as people say it. */
export const shortSha = (sha: string | null | undefined): string => (sha ? sha.slice(0, 12) : "nothing");
