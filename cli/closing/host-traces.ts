import type { Host } from "../../config/target.ts";
import { HostError, type HostWriter } from "../../hosts/host-shell.ts";
import { type ReleaseReading, readReleases, removeReleases } from "../../hosts/release-folder.ts";
import { type HostTraces, readHostTraces, removeHostTraces } from "../../hosts/traces.ts";
import { faultsOf, onHosts, shortSha } from "../../steps/restart/host-work.ts";
import type { Closing, Outcome } from "./closing.ts";

/** What is to go on one host. */
export interface HostPlan {
  host: Host;
  current?: string;
  /** Commits to be removed: never the current one. */
  releases: string[];
  /** Other commits there, neither current nor to be removed. */
  others: string[];
  traces: HostTraces;
}

/** Which of a host's releases may go; the current one stays whatever it says. */
export type Removable = (host: Host) => ReadonlySet<string>;

function removableOf({ current, installed }: ReleaseReading, may: ReadonlySet<string>): string[] {
  return installed.map(({ sha }) => sha).filter((sha) => sha !== current && may.has(sha));
}

/** Looks at every host. @returns the plans, and each host that could not be looked at, with the reason. */
export async function lookAtHosts(
  { config: { hosts }, shell, signal }: Closing,
  removable: Removable,
): Promise<{ plans: HostPlan[]; faults: string[] }> {
  const outcomes = await onHosts(hosts, async (host): Promise<HostPlan> => {
    const reading = await readReleases(host, { shell, signal });
    const traces = await readHostTraces(host, { shell, signal });
    const { current, installed } = reading;
    const releases = removableOf(reading, removable(host));
    const others = installed.flatMap(({ sha }) => (sha === current || releases.includes(sha) ? [] : [sha]));
    return { host, releases, others, traces, ...(current ? { current } : {}) };
  });
  return {
    plans: outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome.value] : [])),
    faults: faultsOf(outcomes),
  };
}

/** One line for each host that has releases to lose. Pure. */
export function releasePlan(plans: readonly HostPlan[]): string[] {
  return plans
    .filter(({ releases }) => releases.length > 0)
    .map(
      ({ host, current, releases }) =>
        `${host.name}: removes ${releases.map(shortSha).join(", ")}; ${shortSha(current)} stays, which is current`,
    );
}

/** One line for each host that keeps records of ours. Pure. */
export function folderPlan(plans: readonly HostPlan[]): string[] {
  return plans.flatMap(({ host, traces: { folderKib, before } }) => [
    ...(folderKib === undefined
      ? []
      : [
          `${host.name}: removes ${host.appDir}/.rollout (${folderKib} KiB: token, records, fetched commits)`,
        ]),
    ...(before.length === 0
      ? []
      : [`gone for good: what was on ${host.name} before ${before.join(", ")}, which was not undone there`]),
  ]);
}

async function clearHost({ host, releases }: HostPlan, writer: HostWriter, folder: boolean): Promise<string> {
  await removeReleases(host, releases, writer);
  if (folder) await removeHostTraces(host, writer);
  const left = await readReleases(host, writer);
  const stays = left.installed.filter(({ sha }) => releases.includes(sha));
  if (stays.length > 0)
    throw new HostError(
      "release-remove",
      host.name,
      `expected its old releases to be gone, got ${stays.length} that stay. Is someone else installing them?`,
    );
  return `${releases.length} old releases removed${folder ? ", and the rollout's folder" : ""}`;
}

/**
 * Removes releases, and our folder where that is asked: one host that fails does not keep the others from it. Work of a
 * store that has lost what a host has seen goes by the host's own token; whoever calls this has had that forced.
 */
export async function clearHosts(
  { shell, signal }: Closing,
  plans: readonly HostPlan[],
  { token, folder }: { token: number; folder: boolean },
): Promise<Outcome[]> {
  const byName = new Map(plans.map((plan) => [plan.host.name, plan]));
  const hosts = plans.map(({ host }) => host);
  const outcomes = await onHosts(hosts, (host) => {
    const plan = byName.get(host.name) as HostPlan;
    const writer = { shell, signal, token: Math.max(token, plan.traces.token ?? 0) };
    return clearHost(plan, writer, folder);
  });
  return outcomes.map((outcome): Outcome => {
    const { name } = outcome.host;
    return outcome.fault === undefined
      ? { did: `${name}: ${outcome.value}` }
      : { fault: `${name}: ${outcome.fault}` };
  });
}
