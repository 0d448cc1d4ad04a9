import type { Host, Service } from "../config/target.ts";
import { askService, askThoroughly, type ProcessHealth } from "./health.ts";
import type { HostReader } from "./host-shell.ts";
import { readUnits, type UnitState } from "./service-units.ts";

/** What every process has to say. */
export interface Wanted {
  /** Undefined where it is not asked: another step owns it. */
  release: string | undefined;
  /** Null where nothing says so: the code knows no flag, or the line is not there. */
  flag: boolean | null;
  /** A process that knows no flag counts, whatever is written: for code from before the rollout. */
  unknownCounts?: true;
  /** Any flag counts: what stood there before the rollout is neither yes nor no. */
  anyFlag?: true;
}

/** One process, and what it said; `asked` is false where nothing answers and systemd alone told of it. */
export interface ProcessProof {
  host: string;
  unit: string;
  pid: number;
  startedAt: string;
  asked: boolean;
  release?: string;
  flag?: boolean | null;
}

/** A restart, as those that came before it are told from those that came after. */
export interface Restarted {
  /** The host's clock just before it. */
  at: Date;
  /** Who answered before it, as `pid@startedAt`. */
  before: ReadonlySet<string>;
}

/** Processes that are as wanted, and what is wrong with the others, each naming host, unit, process and age. */
export interface Propagation {
  proofs: ProcessProof[];
  faults: string[];
  /** Processes that are known to run something else, or since before the restart: what is merely unknown is none. */
  stragglers: number;
}

const keyOf = ({ pid, startedAt }: ProcessHealth) => `${pid}@${startedAt}`;
const flagText = (flag: boolean | null) => (flag === null ? "unknown" : flag ? "on" : "off");

/** What every process has to say, for a person. Pure. */
export function showWanted({ release, flag, anyFlag }: Wanted): string {
  const which = release === undefined ? "" : `release ${release.slice(0, 12)}, `;
  if (anyFlag) return `${which}any flag`;
  return `${which}flag ${flag === null ? "unknown to it" : flagText(flag)}`;
}

/** Off and unknown are the same to the code: one that knows no flag cannot have it on. Pure. */
export function isAsWanted(said: Pick<ProcessHealth, "release" | "flag">, wanted: Wanted): boolean {
  if (wanted.release !== undefined && said.release !== wanted.release) return false;
  if (wanted.anyFlag || (said.flag === null && wanted.unknownCounts)) return true;
  return (said.flag === true) === (wanted.flag === true);
}

function ageOf(startedAt: string, now: number): string {
  const seconds = Math.round((now - Date.parse(startedAt)) / 1000);
  return Number.isFinite(seconds) ? `${Math.max(0, seconds)} s old` : "of unknown age";
}

/** Why this process does not count as propagated; undefined when it does. Pure. */
export function judgeProcess(
  said: ProcessHealth,
  wanted: Wanted,
  restarted: Restarted | undefined,
  now: number,
): string | undefined {
  const who = `pid ${said.pid} (${ageOf(said.startedAt, now)})`;
  if (
    restarted &&
    (restarted.before.has(keyOf(said)) || !(Date.parse(said.startedAt) >= restarted.at.getTime()))
  )
    return `${who} is a straggler: it runs since before the restart`;
  if (isAsWanted(said, wanted)) return undefined;
  const { release, flag } = said;
  return (
    `${who} is a straggler: it says release ${release.slice(0, 12)}, flag ${flagText(flag)}; ` +
    `wanted are ${wanted.release?.slice(0, 12) ?? "any release"}, ${flagText(wanted.flag)}`
  );
}

/** Who answers now: to be told from those that answer after a restart. */
export async function readBeforeRestart(host: Host, { signal }: HostReader): Promise<Set<string>> {
  const answers = await Promise.all(host.services.map((service) => askService(service, signal)));
  return new Set(answers.flatMap(({ processes }) => processes.map(keyOf)));
}

async function askOne(
  host: Host,
  service: Service,
  { wanted, restarted }: { wanted: Wanted; restarted?: Restarted | undefined },
  signal: AbortSignal,
): Promise<Propagation> {
  const { processes, fault } = await askThoroughly(service, signal);
  const where = `${service.unit} on ${host.name}`;
  const now = Date.now();
  const judged = processes.map((said) => ({ said, reason: judgeProcess(said, wanted, restarted, now) }));
  const faults = judged.flatMap(({ reason }) => (reason ? [`${where}: ${reason}`] : []));
  const well = judged.filter(({ reason }) => !reason);
  if (fault) faults.push(`${where}: ${fault} at ${service.health}`);
  else if (well.length < service.processes)
    faults.push(`${where}: ${well.length} of ${service.processes} processes say what is wanted`);
  const proofs = well.map(({ said: { pid, startedAt, release, flag } }) => ({
    ...{ host: host.name, unit: service.unit, pid, startedAt, release, flag, asked: true },
  }));
  return { proofs, faults, stragglers: judged.length - well.length };
}

/** A service without a health address: that it was started after the restart is all that can be known. Pure. */
export function judgeUnit(host: string, unit: UnitState, restarted: Restarted | undefined): Propagation {
  const { active, mainPid: pid, activeSince: startedAt } = unit;
  const where = `${unit.unit} on ${host}`;
  const unknown = (why: string) => ({ proofs: [], faults: [`${where}: ${why}`], stragglers: 0 });
  if (unit.load !== "loaded") return unknown(`systemd has it as ${unit.load}`);
  if (active !== "active" || pid === 0) return unknown(`systemd has it as ${active}`);
  if (!startedAt) return unknown("systemd does not say since when it runs");
  if (restarted && Date.parse(startedAt) < restarted.at.getTime())
    return { ...unknown(`pid ${pid} is a straggler: it runs since before the restart`), stragglers: 1 };
  return { proofs: [{ host, unit: unit.unit, pid, startedAt, asked: false }], faults: [], stragglers: 0 };
}

/** Asks every process of every service of a host once what it runs. @throws {HostError} when the host is unreachable. */
export async function readPropagation(
  host: Host,
  expected: { wanted: Wanted; restarted?: Restarted | undefined },
  reader: HostReader,
): Promise<Propagation> {
  const [asked, others] = [true, false].map((has) => host.services.filter(({ health }) => !!health === has));
  const told = (others ?? []).map(({ unit }) => unit);
  const units = told.length === 0 ? [] : await readUnits(host, told, reader);
  const parts = [
    ...(await Promise.all((asked ?? []).map((service) => askOne(host, service, expected, reader.signal)))),
    ...units.map((unit) => judgeUnit(host.name, unit, expected.restarted)),
  ];
  return {
    proofs: parts.flatMap(({ proofs }) => proofs),
    faults: parts.flatMap(({ faults }) => faults),
    stragglers: parts.reduce((sum, part) => sum + part.stragglers, 0),
  };
}
