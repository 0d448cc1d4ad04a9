import { z } from "zod";
import { RestartSection } from "../config/deployment.ts";
import { ReleasesSection } from "../config/releases.ts";
import type { Host } from "../config/target.ts";
import { StepError } from "../errors/step-error.ts";
import { FlagPlace } from "../hosts/flag-file.ts";
import type { UnitRun } from "../hosts/host-run.ts";
import type { HostWriter } from "../hosts/host-shell.ts";
import { wantedFlag } from "../hosts/ownership.ts";
import type { Wanted } from "../hosts/process-proof.ts";
import { readPropagation } from "../hosts/propagation.ts";
import { type HostRestart, planWaves, restartGaps, restartInWaves } from "../hosts/restart-waves.ts";
import { releaseOf } from "../ledger/later-hosts.ts";
import {
  faultsOf,
  givenUp,
  type HostOutcome,
  hostWriter,
  laterOwner,
  laterOwnerOfAll,
  leftNames,
  onHosts,
  requireAll,
  SpecHosts,
  shortSha,
  unreadable,
} from "./restart/host-work.ts";
import { bringBackLeft, undoneSince } from "./restart/left-hosts.ts";
import { putBackFiles, wantedByFiles } from "./restart/restart-files.ts";
import { askLines, provenUnits, stopWarnings, untoldWarnings, weakerNote } from "./restart/restart-proof.ts";
import { RestartRecord } from "./restart/restart-record.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

/** Which of the two restarts of a phase this is, and what every process has to say after it. */
export const ServiceRestartSpec = BaseSpec.extend({
  hosts: SpecHosts,
  /** The closing one restarts on the way forward, the opening one, before the release, on the way back. */
  when: z.enum(["opening", "closing"]),
  /** In the spec so that a changed release or flag is a changed step. */
  basis: z.strictObject({ release: ReleasesSection.shape.feature, flag: z.boolean().nullable() }),
  ...FlagPlace.shape,
  restart: RestartSection,
});
export type ServiceRestartSpec = z.infer<typeof ServiceRestartSpec>;

export interface ServiceRestartResult {
  release: string;
  flag: boolean | null;
  /** Each process as it answered; empty for the opening restart, which has nothing to do on the way forward. */
  hosts: HostRestart[];
  /** The step that owns by now what this one proved: then nothing was restarted. */
  supersededBy?: string;
}

const QUIET: Observation = { drift: [], plan: [], undo: [], blockers: [] };

/**
 * What this restart still has to prove. A later phase that switches the release, or takes the flag away, owns that and
 * restarts for it itself. @returns the owner's name where nothing is left to this one.
 */
function leftToProve(spec: ServiceRestartSpec, deps: StepDeps): { wanted: Wanted } | { owner: string } {
  const owner = laterOwnerOfAll(spec, deps);
  if (owner) return { owner };
  const release = laterOwner(spec, "release-switch", deps);
  return { wanted: { ...spec.basis, release: release ? undefined : spec.basis.release } };
}

/** Off is the way back: then a host that fails is listed and the others go on. */
const goesBack = ({ basis }: ServiceRestartSpec) => basis.flag === false;

const stateOf = (unit: string, units: readonly UnitRun[]) => units.find((state) => state.unit === unit);

/** Units that systemd does not know would fail in the middle of it. Pure. */
function missingUnits({ name, services }: Host, units: readonly UnitRun[]): string[] {
  return services
    .filter(({ unit }) => stateOf(unit, units)?.load !== "loaded")
    .map(
      ({ unit }) =>
        `expected the unit ${unit} on ${name}, got ${stateOf(unit, units)?.load ?? "none"}. ` +
        "Correct hosts[].services, or install it.",
    );
}

async function lookAt(host: Host, spec: ServiceRestartSpec, wanted: Wanted, deps: StepDeps) {
  const proven = provenUnits(host, spec, deps);
  const expected = { wanted, place: placeOf(spec), weaker: goesBack(spec), ...(proven ? { proven } : {}) };
  return readPropagation(host, expected, deps);
}

const placeOf = ({ backend, variable }: ServiceRestartSpec): FlagPlace => ({ backend, variable });

function planLines(
  spec: ServiceRestartSpec,
  wanted: Wanted,
  looks: HostOutcome<Awaited<ReturnType<typeof lookAt>>>[],
): string[] {
  const { hosts, restart } = spec;
  const waves = planWaves(hosts, restart.maxUnavailable).map((wave) =>
    wave.map(({ name }) => name).join(" + "),
  );
  const warnings = looks.flatMap(({ host, ...look }) =>
    "value" in look && look.value
      ? [...stopWarnings(host, look.value.runs), ...untoldWarnings(look.value.seen)]
      : [],
  );
  return [
    `restarts ${waves.join(", then ")}; ${askLines(hosts, wanted).join("; ")}`,
    ...(restart.zeroFailures ? [] : restartGaps(hosts, restart).map((gap) => `requests will fail: ${gap}`)),
    ...warnings,
    ...(goesBack(spec) ? faultsOf(looks).map((fault) => `${fault} (listed; the other hosts go on)`) : []),
  ];
}

async function observeClosing(
  spec: ServiceRestartSpec,
  wanted: Wanted,
  deps: StepDeps,
): Promise<Observation> {
  const { hosts, restart } = spec;
  const looks = await onHosts(hosts, (host) => lookAt(host, spec, wanted, deps));
  const seen = looks.flatMap((look) => (look.fault === undefined ? [look] : []));
  const drift = seen.flatMap(({ host, value }) =>
    value.faults.map((observed) => ({ expected: `every process of ${host.name} propagated`, observed })),
  );
  const out = [...faultsOf(looks), ...seen.flatMap(({ host, value }) => missingUnits(host, value.runs))];
  return {
    drift: [...drift, ...unreadable(looks)],
    plan: drift.length > 0 || faultsOf(looks).length > 0 ? planLines(spec, wanted, looks) : [],
    undo: [],
    blockers: [...(restart.zeroFailures ? restartGaps(hosts, restart) : []), ...(goesBack(spec) ? [] : out)],
  };
}

async function observe(spec: ServiceRestartSpec, deps: StepDeps): Promise<Observation> {
  if (spec.when === "opening") {
    const { hosts, restart } = spec;
    const waves = planWaves(hosts, restart.maxUnavailable).length;
    return {
      ...QUIET,
      undo: [`restarts the services of ${hosts.length} hosts in ${waves} waves, and proves them`],
    };
  }
  const left = leftToProve(spec, deps);
  if ("owner" in left) return { ...QUIET, plan: [`nothing: ${left.owner} owns what it proved`] };
  return observeClosing(spec, left.wanted, deps);
}

/** Nothing is restarted into, or proven with, a flag that is no longer wanted: the files hold the newer one by now. */
function overtaken({ basis, when, identity }: ServiceRestartSpec, deps: StepDeps): string | undefined {
  const flag = wantedFlag(deps.evidence.entries(), identity);
  // A later phase may have taken the line out altogether: then it is not this restart's to prove.
  if (when === "opening" || typeof flag !== "boolean" || basis.flag === null || flag === basis.flag)
    return undefined;
  const name = (value: boolean) => (value ? "on" : "off");
  return (
    `expected the flag ${name(basis.flag)}, got ${name(flag)} in the evidence: another run has switched it meanwhile. ` +
    `Look at \`npx rollout flag status\`, then begin anew: npx rollout up --stack ${identity.stack}`
  );
}

/**
 * @param faults of hosts that could not even be begun with.
 * @throws {StepError} saying of every host how far it has come, when one is not proven.
 */
function requireProven(
  done: readonly HostRestart[],
  { faults = [], next }: { faults?: readonly string[]; next: string },
): void {
  const failed = done.filter(({ state }) => state !== "proven" && state !== "not proven");
  if (failed.length + faults.length === 0) return;
  const lines = done.map(({ host, state, reason, processes }) =>
    state === "proven"
      ? `${host}: proven, ${processes.length} processes${weakerNote(processes)}`
      : state === "not proven"
        ? `${host}: ${reason}`
        : `${host}: ${state}${reason ? `: ${reason}` : ", as it was before"}`,
  );
  throw new StepError(
    `service-restart: expected every process of ${done.length + faults.length} hosts to run what is wanted, ` +
      `got ${failed.length + faults.length} hosts that do not:\n  - ${[...lines, ...faults].join("\n  - ")}\n  ${next}`,
  );
}

/**
 * Nothing is restarted on the way forward. After a way back that is not at its end on every host, those that were left
 * out come first: what they have is no former state, and the steps that follow would take it for one.
 */
async function open(spec: ServiceRestartSpec, deps: StepDeps): Promise<ServiceRestartResult> {
  const undone = undoneSince(spec.identity, deps);
  if (undone.length > 0) {
    const writer = hostWriter(spec, deps);
    const outcomes = await onHosts(spec.hosts, (host) => bringBackLeft(host, undone, { deps, writer }));
    requireAll("service-restart", outcomes);
  }
  return { ...spec.basis, hosts: [] };
}

async function apply(spec: ServiceRestartSpec, deps: StepDeps): Promise<ServiceRestartResult> {
  const { basis, hosts, restart, identity, backend, variable } = spec;
  if (spec.when === "opening") return open(spec, deps);
  const left = leftToProve(spec, deps);
  if ("owner" in left) return { ...basis, hosts: [], supersededBy: left.owner };
  const writer = hostWriter(spec, deps);
  const ownsRelease = left.wanted.release !== undefined;
  const files = { identity, place: { backend, variable }, ownsRelease };
  const putBack = (host: Host) => putBackFiles(host, files, deps.evidence.entries(), writer);
  const goOn = goesBack(spec);
  const done = await restartInWaves(
    {
      ...{ hosts, restart, goOn, place: files.place, wantedOn: () => left.wanted },
      log: (line) => deps.log(`service-restart: ${line}`),
      ...(goOn ? {} : { putBack }),
    },
    writer,
  );
  requireProven(done, {
    next: "Mend what failed and run again: hosts that are proven are left alone. Or go back.",
  });
  return { ...basis, hosts: done };
}

/** What each host has to run, once the files of those that were left out are back; faults of those that are not. */
async function wantedBack(spec: ServiceRestartSpec, deps: StepDeps, writer: HostWriter) {
  const { identity, backend, variable } = spec;
  const entries = deps.evidence.entries();
  const undone = undoneSince(identity, deps);
  const outcomes = await onHosts(spec.hosts, async (host) => {
    await bringBackLeft(host, undone, { deps, writer });
    return wantedByFiles(host, { identity, place: { backend, variable } }, entries, writer);
  });
  const known = outcomes.flatMap((outcome) => (outcome.fault === undefined ? [outcome] : []));
  return {
    wanted: new Map(known.map(({ host, value }) => [host.name, value])),
    failed: outcomes.filter(({ fault }) => fault !== undefined),
  };
}

async function undo(spec: ServiceRestartSpec, deps: StepDeps): Promise<UndoResult> {
  if (spec.when === "closing")
    return { summary: "nothing to do: the opening restart restarts on the way back", kept: [] };
  const writer = hostWriter(spec, deps);
  const { wanted, failed } = await wantedBack(spec, deps, writer);
  const hosts = spec.hosts.filter(({ name }) => wanted.has(name));
  const wantedOn = ({ name }: Host) => wanted.get(name) as Wanted;
  const log = (line: string) => deps.log(`service-restart: ${line}`);
  const way = {
    wantedOn,
    place: placeOf(spec),
    restart: spec.restart,
    goOn: true,
    provesOrNot: true as const,
    log,
  };
  const done = await restartInWaves({ hosts, ...way }, writer);
  const lost = givenUp([...failed, ...notBack(done, spec.hosts)], deps);
  for (const { subject, reason } of lost) deps.log(`${spec.identity.step}: ${subject}: ${reason}`);
  const isLost = (name: string) => lost.some(({ subject }) => subject === name);
  const faults = faultsOf(failed.filter(({ host }) => !isLost(host.name)));
  requireProven(
    done.filter(({ host }) => !isLost(host)),
    { faults, next: wayOn(spec, deps) },
  );
  const unproven = done.filter(({ state }) => state === "not proven");
  const kept = [...lost, ...unproven.map(({ host, reason = "" }) => ({ subject: host, reason }))];
  const processes = done.flatMap((host) => host.processes);
  const proven = done.filter(({ state }) => state === "proven").length;
  return {
    summary: `restarted ${proven + unproven.length} hosts; ${processes.length} processes are proven${weakerNote(processes)}${unprovenNames(unproven)}${leftNames(lost)}`,
    kept,
    processes,
  };
}

function wayOn({ identity: { stack, phase } }: ServiceRestartSpec, { evidence }: StepDeps): string {
  const release = releaseOf(phase, evidence.entries());
  const runs = release
    ? ` They may still run release ${shortSha(release)}, so the database is not taken back before them.`
    : "";
  return (
    `Those are not back yet.${runs} Mend them, then: npx rollout up --stack ${stack}. One that is gone for good: ` +
    `npx rollout recover --without <host> --reason "…" --stack ${stack}`
  );
}

/** ` (restarted, not proven: host-b)`, for a summary. */
const unprovenNames = (unproven: readonly HostRestart[]) =>
  unproven.length === 0 ? "" : ` (restarted, not proven: ${unproven.map(({ host }) => host).join(", ")})`;

function notBack(done: readonly HostRestart[], hosts: readonly Host[]): HostOutcome<never>[] {
  return hosts.flatMap((host) => {
    const its = done.find((one) => one.host === host.name);
    return its && its.state !== "proven" && its.state !== "not proven"
      ? [{ host, fault: its.reason ?? its.state }]
      : [];
  });
}

/** Restarts every service in waves, and proves by what each process says that it runs the release and the flag. */
export const serviceRestart = defineStep({
  name: "service-restart",
  spec: ServiceRestartSpec,
  result: RestartRecord,
  lease: false,
  deadlineSeconds: 4 * HOUR,
  observe,
  overtaken,
  apply,
  undo,
});
