import type { Host, Service } from "../config/target.ts";
import type { FlagPlace } from "./flag-file.ts";
import { askService, askThoroughly, type ServiceAnswer, showAddress } from "./health.ts";
import { askedFields } from "./health-answer.ts";
import { type HostRun, readHostRun, type UnitRun } from "./host-run.ts";
import type { HostReader } from "./host-shell.ts";
import {
  isUntold,
  type Judged,
  type Judging,
  judgeProcess,
  keyOf,
  type ProcessProof,
  type Restarted,
  type Wanted,
} from "./process-proof.ts";
import { crashLoop, isAnotherStart, notRunning, notStable, proofOf, type UnitProof } from "./unit-proof.ts";

/** What is expected of the processes of a host, and how much has to be known of them. */
export interface Expected {
  wanted: Wanted;
  place: FlagPlace;
  restarted?: Restarted | undefined;
  /** How long the units have to hold out, and what they were when that began; a restart needs no beginning. */
  stable?: { seconds: number; base?: readonly UnitProof[] } | undefined;
  /** What was proven of the units before: what has happened since is told. */
  proven?: readonly UnitProof[] | undefined;
  /** On the way back: where an address answers without what is asked for (its database is down), the host's look counts. */
  weaker?: boolean;
}

/** Processes that are as wanted, and what is wrong with the others, each naming host, unit, process and age. */
export interface Propagation {
  proofs: ProcessProof[];
  /** All that answered or that the host sees, as wanted or not. */
  seen: ProcessProof[];
  faults: string[];
  /** Processes that are known to run something else, or since before the restart: what is merely unknown is none. */
  stragglers: number;
  /** Of the faults those that no waiting mends, with their units. */
  certain: { unit: string; fault: string }[];
  units: UnitProof[];
  /** The units as they were seen. */
  runs: UnitRun[];
}

type UnitPart = Omit<Propagation, "units" | "runs">;

/** Units that the host has to look at one by one: their address does not tell all, or there is none. Pure. */
const detailedUnits = (services: readonly Service[]) =>
  services
    .filter(({ health, healthFields }) => !health || askedFields(healthFields).length < askedFields().length)
    .map(({ unit }) => unit);

/** Who runs now, to be told from those that run after a restart; with the units, and the host's clock. */
export async function readBeforeRestart(
  host: Host,
  { variable }: FlagPlace,
  reader: HostReader,
): Promise<Restarted & { units: UnitRun[] }> {
  const [run, ...answers] = await Promise.all([
    readHostRun(host, { variable, detailed: [] }, reader),
    ...host.services.map((service) => askService(service, reader.signal)),
  ]);
  const before = new Set([
    ...run.units.flatMap(({ processes }) => processes.map(({ key }) => key)),
    ...answers.flatMap(({ processes }) => processes.filter(({ startedAt }) => startedAt).map(keyOf)),
  ]);
  return { at: run.at, before, units: run.units };
}

/** Something answers there, or takes the question: what it does not tell is then looked for on the host. */
const isUnwell = ({ fault, status }: ServiceAnswer) =>
  fault !== undefined && (status !== undefined || fault.startsWith("no answer within"));

interface Seen {
  service: Service;
  answer: ServiceAnswer;
  unit: UnitRun;
}

/** What the processes of a service say, or what the host sees of them. */
function judgeProcesses({ service, answer, unit }: Seen, judging: Judging, weaker: boolean): Judged[] {
  const running = new Map(unit.processes.map((process) => [process.pid, process]));
  const lookedAt = (notAsked: string | undefined) =>
    unit.processes.map((process) => judgeProcess({ running: process }, { ...judging, notAsked }));
  if (!service.health) return lookedAt("it has no health address");
  if (answer.fault !== undefined)
    return weaker && isUnwell(answer) ? lookedAt(`its health address: ${answer.fault}`) : [];
  const named = answer.processes.map((said) =>
    judgeProcess({ said, running: running.get(said.pid) }, judging),
  );
  if (answer.unnamed.length === 0) return named;
  // Whoever answered was one of them: it may say nothing else than what is wanted.
  const strangers = answer.unnamed
    .map((said) => judgeProcess({ said }, { ...judging, restarted: undefined }))
    .filter(({ fault }) => fault !== undefined);
  return [...named, ...strangers, ...lookedAt("its address does not tell which process answers")];
}

/** What is wrong with a unit as a whole. */
function judgeUnit(
  { service, unit }: Seen,
  { stable, proven }: Expected,
): { text: string; certain: boolean }[] {
  const stopped = notRunning(unit);
  if (stopped) return [stopped];
  const was = proven?.find((one) => one.unit === unit.unit);
  const loop = was && crashLoop(unit, was);
  if (loop) return [{ text: loop, certain: true }];
  if (!stable) return [];
  const base = stable.base?.find((one) => one.unit === unit.unit) ?? { restarts: 0 };
  // Of a unit with an address only one is needed here: the others may be in a container, and answer for themselves.
  const least = service.health ? 1 : service.processes;
  const young = notStable(unit, { base, least, stableSeconds: stable.seconds });
  return young ? [young] : [];
}

/** A process of another start than the proven one, of which something is unknown, is not what was proven. */
function judgeAgain({ unit }: Seen, proofs: readonly ProcessProof[], { proven }: Expected): string[] {
  const was = proven?.find((one) => one.unit === unit.unit);
  if (!isAnotherStart(unit, was)) return [];
  return proofs
    .filter(isUntold)
    .map(
      ({ pid, reason = "" }) =>
        `pid ${pid} is not the process that was proven: systemd has started the unit anew (${reason})`,
    );
}

/** Whether systemd hands the unit the environment file: as the configuration says, else as systemd does. */
const isHandedFile = ({ envFileReader }: Host, { readsEnvFile }: UnitRun) =>
  envFileReader === undefined ? readsEnvFile : envFileReader === "systemd";

function judgeService(host: Host, seen: Seen, run: HostRun, expected: Expected): UnitPart {
  const { service, answer, unit } = seen;
  const { wanted, place, restarted } = expected;
  const where = `${unit.unit} on ${host.name}`;
  const known = wanted.release === undefined ? run.releases : [...run.releases, wanted.release];
  const judging: Judging = {
    ...{ host: host.name, unit: unit.unit, wanted, place, restarted, known },
    ...{ readsEnvFile: isHandedFile(host, unit), at: run.at },
  };
  const weaker = expected.weaker === true;
  const judged = judgeProcesses(seen, judging, weaker);
  const proofs = judged.flatMap(({ proof, fault }) => (fault === undefined ? [proof] : []));
  const whole = judgeUnit(seen, expected);
  const lost = answer.fault !== undefined && !(weaker && isUnwell(answer));
  const faults = [
    ...whole.map(({ text }) => text),
    ...judged.flatMap(({ fault }) => (fault === undefined ? [] : [fault])),
    ...judgeAgain(seen, proofs, expected),
    ...(lost
      ? [
          `${answer.fault} at ${showAddress(service.health)}${answer.status === undefined ? "" : " (docs/health.md)"}`,
        ]
      : []),
  ];
  const named = askedFields(service.healthFields).includes("pid");
  if (service.health && named && answer.fault === undefined && proofs.length < service.processes)
    faults.push(`${proofs.length} of ${service.processes} processes say what is wanted`);
  return {
    proofs,
    stragglers: judged.length - proofs.length,
    seen: judged.map(({ proof }) => proof).filter(({ pid }) => pid > 0),
    faults: faults.map((fault) => `${where}: ${fault}`),
    certain: whole.flatMap(({ text, certain }) =>
      certain ? [{ unit: unit.unit, fault: `${where}: ${text}` }] : [],
    ),
  };
}

/**
 * Asks every process of every service of a host once what it runs, and looks at those that cannot be asked.
 * @throws {HostError} when the host is unreachable.
 */
export async function readPropagation(
  host: Host,
  expected: Expected,
  reader: HostReader,
): Promise<Propagation> {
  const { services } = host;
  // Asked first: a question starts a service that only its socket keeps.
  const answers = await Promise.all(services.map((service) => askThoroughly(service, reader.signal)));
  const unwell = services.filter((_, index) => isUnwell(answers[index] as ServiceAnswer));
  const detailed = [...detailedUnits(services), ...(expected.weaker ? unwell.map(({ unit }) => unit) : [])];
  const run = await readHostRun(host, { variable: expected.place.variable, detailed }, reader);
  const parts = services.map((service, index) => {
    const [answer, unit] = [answers[index] as ServiceAnswer, run.units[index] as UnitRun];
    return judgeService(host, { service, answer, unit }, run, expected);
  });
  return {
    proofs: parts.flatMap(({ proofs }) => proofs),
    seen: parts.flatMap(({ seen }) => seen),
    faults: parts.flatMap(({ faults }) => faults),
    stragglers: parts.reduce((sum, part) => sum + part.stragglers, 0),
    certain: parts.flatMap(({ certain }) => certain),
    units: run.units.map(proofOf),
    runs: run.units,
  };
}
