import { type FlagPlace, parseFlag } from "./flag-file.ts";
import type { NamedHealth } from "./health.ts";
import type { ProcessHealth } from "./health-answer.ts";
import type { RunningProcess } from "./host-run.ts";

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

/** What could not be told of a process: neither proof nor disproof. */
export const UNKNOWN = "unknown";
export type Known<T> = T | typeof UNKNOWN;

/** One process, what is known of it, and from whom. */
export interface ProcessProof {
  host: string;
  unit: string;
  pid: number;
  /** UTC, ISO 8601; empty where nobody says it. */
  startedAt: string;
  /** `health`: it says so itself. `process`: by the host's look at it, which is weaker. */
  by: "health" | "process";
  release: Known<string>;
  /** Null: it has none. */
  flag: Known<boolean | null>;
  /** Why something is unknown, or why it was not asked. */
  reason?: string;
}

/** A restart, as those that came before it are told from those that came after. */
export interface Restarted {
  /** The host's clock just before it. */
  at: Date;
  /** Who ran before it, as `pid@startedAt` of what answered and `pid@ticks` of what the host saw. */
  before: ReadonlySet<string>;
}

export const keyOf = ({ pid, startedAt }: NamedHealth) => `${pid}@${startedAt}`;

export const flagText = (flag: Known<boolean | null>) =>
  flag === null || flag === UNKNOWN ? "unknown" : flag ? "on" : "off";

/** What every process has to say, for a person. Pure. */
export function showWanted({ release, flag, anyFlag }: Wanted): string {
  const which = release === undefined ? "" : `release ${release.slice(0, 12)}, `;
  if (anyFlag) return `${which}any flag`;
  return `${which}flag ${flag === null ? "unknown to it" : flagText(flag)}`;
}

const SHORTEST_PREFIX = 7;

/**
 * The release that a process means: a short commit, or the end of `git describe`, counts where it is the beginning of
 * just one release that is known there. Otherwise what it says, as it is. Pure.
 */
export function resolveRelease(said: string, known: readonly string[]): string {
  const [, hex] = /(?:^|-g)([0-9a-f]+)$/i.exec(said.trim()) ?? [];
  if (!hex || hex.length < SHORTEST_PREFIX) return said;
  const meant = [...new Set(known)].filter((release) => release.startsWith(hex.toLowerCase()));
  return meant.length === 1 ? (meant[0] as string) : said;
}

/** Off and unknown to it are the same to the code: one that knows no flag cannot have it on. Pure. */
export function isAsWanted(
  { release, flag }: { release: Known<string>; flag: Known<boolean | null> },
  wanted: Wanted,
): boolean {
  if (wanted.release !== undefined && release !== UNKNOWN && release !== wanted.release) return false;
  if (flag === UNKNOWN || wanted.anyFlag || (flag === null && wanted.unknownCounts)) return true;
  return (flag === true) === (wanted.flag === true);
}

const showAge = (seconds: number | undefined) =>
  seconds !== undefined && Number.isFinite(seconds)
    ? `${Math.max(0, Math.round(seconds))} s old`
    : "of unknown age";

/**
 * Why this is no process from after the restart; undefined when it is. Where the host sees the process its kernel decides,
 * whatever time the process says: that one may be in another zone, or from before a fork. Pure.
 */
function staleness(
  { said, running }: { said?: NamedHealth | undefined; running?: RunningProcess | undefined },
  { at, before }: Restarted,
): string | undefined {
  const startedAt = running?.startedAt ?? said?.startedAt;
  if (!startedAt && !running)
    return "does not say when it began, and is none of the unit's processes on the host";
  const known = running ? before.has(running.key) : said !== undefined && before.has(keyOf(said));
  const isOld = startedAt !== undefined && Date.parse(startedAt) < at.getTime();
  return known || isOld ? "is a straggler: it runs since before the restart" : undefined;
}

/** What the host sees of the flag in a process. */
function flagByProcess(
  { environ }: RunningProcess,
  { wanted, place, readsEnvFile }: { wanted: Wanted; place: FlagPlace; readsEnvFile: boolean },
): { flag: Known<boolean | null>; reason?: string } {
  const unknown = (reason: string) => ({ flag: UNKNOWN, reason }) as const;
  const itself = `it may read ${place.variable} itself (load_dotenv)`;
  const handed = place.backend === "systemd-drop-in" || readsEnvFile;
  switch (environ?.state) {
    case "value": {
      const flag = parseFlag(environ.text);
      if (typeof flag !== "boolean")
        return unknown(`its environment has a ${place.variable} that is neither on nor off`);
      if (handed || flag === wanted.flag) return { flag };
      return unknown(`systemd does not hand it the environment file: ${itself}`);
    }
    case "absent":
      if (handed && wanted.flag === null) return { flag: null };
      return unknown(`its environment has no ${place.variable}: ${itself}`);
    case "twice":
      return unknown(`its environment has two values of ${place.variable}`);
    case "unreadable":
      return unknown("its environment can be read by its own user and root alone");
    case undefined:
      return unknown("its environment was not looked at");
    default:
      return unknown("its environment was overwritten, as a program does that sets its title");
  }
}

function releaseByProcess(
  { releases, visible }: RunningProcess,
  known: readonly string[],
): { release: Known<string>; reason?: string } {
  const [first, ...others] = releases.map((name) => resolveRelease(name, known));
  if (first !== undefined && others.every((other) => other === first)) return { release: first };
  if (first !== undefined) return { release: UNKNOWN, reason: `it works in ${releases.join(" and in ")}` };
  return {
    release: UNKNOWN,
    reason: visible
      ? "it works outside of releases/"
      : "where it works can be seen by its own user and root alone",
  };
}

/** By what a process is judged. */
export interface Judging {
  host: string;
  unit: string;
  wanted: Wanted;
  place: FlagPlace;
  readsEnvFile: boolean;
  restarted?: Restarted | undefined;
  /** Commits that a short one may mean. */
  known: readonly string[];
  /** The host's clock. */
  at: Date;
  /** Why the process was not asked. */
  notAsked?: string | undefined;
}

/** What is known of a process, and why it is not as wanted where it is not. */
export interface Judged {
  proof: ProcessProof;
  fault?: string;
}

interface Facts {
  release: Known<string>;
  flag: Known<boolean | null>;
  by: ProcessProof["by"];
  reasons: string[];
}

/** What is known: what it says itself, else what the host sees of it. */
function factsOf(said: ProcessHealth, running: RunningProcess | undefined, judging: Judging): Facts {
  const nobody = { reason: "it does not say, and is none of the unit's processes on the host" };
  const release: { release: Known<string>; reason?: string } =
    said.release !== undefined
      ? { release: resolveRelease(said.release, judging.known) }
      : running
        ? releaseByProcess(running, judging.known)
        : { release: UNKNOWN, ...nobody };
  const flag: { flag: Known<boolean | null>; reason?: string } =
    said.flag !== undefined
      ? { flag: said.flag }
      : running
        ? flagByProcess(running, judging)
        : { flag: UNKNOWN, ...nobody };
  const parts = [
    ...(judging.notAsked ? [judging.notAsked] : []),
    ...(release.reason ? [`release unknown: ${release.reason}`] : []),
    ...(flag.reason ? [`flag unknown: ${flag.reason}`] : []),
  ];
  const by = said.pid !== undefined && said.release !== undefined && said.flag !== undefined;
  return {
    release: release.release,
    flag: flag.flag,
    by: by ? "health" : "process",
    reasons: parts,
  };
}

/**
 * Judges one process by what it says and by what the host sees of it: at least one of them is given. What is unknown is
 * no fault and no proof, and stays in the proof as such. Pure.
 */
export function judgeProcess(
  { said, running }: { said?: ProcessHealth | undefined; running?: RunningProcess | undefined },
  judging: Judging,
): Judged {
  const { host, unit, wanted, restarted, at } = judging;
  const pid = said?.pid ?? running?.pid ?? 0;
  const startedAt = said?.startedAt ?? running?.startedAt ?? "";
  const age = startedAt === "" ? undefined : (at.getTime() - Date.parse(startedAt)) / 1000;
  const who = `pid ${pid} (${showAge(age)})`;
  const named = said?.pid === undefined ? undefined : { ...said, pid: said.pid };
  const { reasons, ...facts } = factsOf(said ?? {}, running, judging);
  const reason = reasons.length > 0 ? { reason: reasons.join("; ") } : {};
  const proof: ProcessProof = { host, unit, pid, startedAt, ...facts, ...reason };
  const stale = restarted && staleness({ said: named, running }, restarted);
  if (stale) return { proof, fault: `${who} ${stale}` };
  if (isAsWanted(facts, wanted)) return { proof };
  const verb = facts.by === "health" ? "it says" : "the host sees";
  return {
    proof,
    fault:
      `${who} is a straggler: ${verb} release ${facts.release.slice(0, 12)}, flag ${flagText(facts.flag)}; ` +
      `wanted are ${wanted.release?.slice(0, 12) ?? "any release"}, ${flagText(wanted.flag)}`,
  };
}

/** Of which it is not known what it runs. Pure. */
export const isUntold = ({ release, flag }: ProcessProof) => release === UNKNOWN || flag === UNKNOWN;

const count = (number: number) => `${number} process${number === 1 ? "" : "es"}`;
const names = (values: readonly string[]) => [...new Set(values)].join(", ");

/** Who proved what, and what nobody did: for a person. Pure. */
export function describeProofs(proofs: readonly ProcessProof[], wanted: Wanted): string {
  const asked = proofs.filter(({ by }) => by === "health");
  const others = proofs.filter(({ by }) => by === "process");
  const without = (what: "release" | "flag") => others.filter((proof) => proof[what] === UNKNOWN).length;
  const open = (["release", "flag"] as const)
    .filter((what) => without(what) > 0)
    .map((what) => `${what} of ${without(what)} unknown`);
  const reasons = names(others.flatMap(({ reason }) => (reason ? [reason] : [])));
  const weaker = `${count(others.length)} by the host's look at ${others.length === 1 ? "it" : "them"} (weaker)`;
  return [
    ...(asked.length > 0 || others.length === 0
      ? [`${count(asked.length)} ${asked.length === 1 ? "says" : "say"} ${showWanted(wanted)}`]
      : []),
    ...(others.length > 0
      ? [`${weaker}${open.length > 0 ? `: ${open.join(", ")}` : ""}${reasons ? ` (${reasons})` : ""}`]
      : []),
  ].join("; ");
}
