import type { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { ReleasesSection } from "../config/releases.ts";
import type { HostFolder } from "../config/target.ts";
import { StepError } from "../errors/step-error.ts";
import { installRelease, type ReleaseReading, readReleases } from "../hosts/release-folder.ts";
import {
  faultsOf,
  hostWriter,
  onHosts,
  requireAll,
  SpecFolders,
  shortSha,
  unreadable,
} from "./restart/host-work.ts";
import {
  BaseSpec,
  type Drift,
  defineStep,
  HOUR,
  type Observation,
  type StepDeps,
  type UndoResult,
} from "./step.ts";

/** What is installed where. The suites run again with this step: nothing is in it that makes no other release. */
export const ReleaseSpec = BaseSpec.extend({
  hosts: SpecFolders,
  repository: DeploymentSection.shape.repository,
  sha: ReleasesSection.shape.feature,
  install: DeploymentSection.shape.install,
  // Older specs say how many releases stay, which is the switch's by now.
}).strip();
export type ReleaseSpec = z.infer<typeof ReleaseSpec>;

export interface ReleaseResult {
  sha: string;
  /** What was done on each host: `installed`, `there already`, `3 files put back`. */
  hosts: { host: string; did: string }[];
}

function driftOf({ name }: HostFolder, { installed }: ReleaseReading, sha: string): Drift[] {
  const expected = `release ${shortSha(sha)} whole on ${name}`;
  const release = installed.find((candidate) => candidate.sha === sha);
  if (!release) return [{ expected, observed: "no such release" }];
  if (!release.whole) return [{ expected, observed: "an installation that did not end" }];
  const { files, first } = release.changed ?? { files: 0, first: "" };
  return files === 0 ? [] : [{ expected, observed: `${files} files that differ, first ${first}` }];
}

async function observe(spec: ReleaseSpec, deps: StepDeps): Promise<Observation> {
  const { sha, hosts } = spec;
  const outcomes = await onHosts(hosts, (host) => readReleases(host, deps, [sha]));
  const seen = outcomes.flatMap(({ host, ...rest }) =>
    "value" in rest && rest.value ? driftOf(host, rest.value, sha) : [],
  );
  const plan = seen.map(({ expected, observed }) => `installs the ${expected} (${observed})`);
  const undo = [`keeps release ${shortSha(sha)} on ${hosts.length} hosts`];
  return { drift: [...seen, ...unreadable(outcomes)], plan, undo, blockers: faultsOf(outcomes) };
}

async function installOn(host: HostFolder, spec: ReleaseSpec, deps: StepDeps) {
  const writer = hostWriter(spec, deps);
  const { repository, sha, install } = spec;
  const outcome = await installRelease(host, { repository, sha, ...(install ? { install } : {}) }, writer);
  const reading = await readReleases(host, writer, [sha]);
  const repaired = outcome === "installed" ? outcome : `${outcome.repaired} files put back`;
  const did = repaired === "0 files put back" ? "there already" : repaired;
  deps.log(`release: ${shortSha(sha)} on ${host.name}: ${did}`);
  return { drift: driftOf(host, reading, sha), did };
}

async function apply(spec: ReleaseSpec, deps: StepDeps): Promise<ReleaseResult> {
  const outcomes = await onHosts(spec.hosts, async (host) => installOn(host, spec, deps));
  const done = requireAll("release", outcomes);
  const [left] = done.flatMap(({ value }) => value.drift);
  if (left) throw changedMeanwhile(left);
  const hosts = done.map(({ host, value: { did } }) => ({ host: host.name, did }));
  return { sha: spec.sha, hosts };
}

function changedMeanwhile({ expected, observed }: Drift): StepError {
  return new StepError(
    `release: expected ${expected}, got ${observed}. Is someone else changing it? Run again.`,
  );
}

async function undo({ sha, hosts }: ReleaseSpec): Promise<UndoResult> {
  const summary = `kept release ${shortSha(sha)} on ${hosts.length} hosts: nothing runs from it once it is switched back`;
  return { summary, kept: [] };
}

/** A commit installed beside the release that runs, on every host. Nothing that runs notices. @see runbook 2.2 */
export const release = defineStep({
  name: "release",
  spec: ReleaseSpec,
  lease: false,
  deadlineSeconds: 2 * HOUR,
  observe,
  apply,
  undo,
});
