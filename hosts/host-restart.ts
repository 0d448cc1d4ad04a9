import { setTimeout as sleep } from "node:timers/promises";
import type { RestartSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import { readHostRun } from "./host-run.ts";
import { HostError, type HostWriter, NotProvenError } from "./host-shell.ts";
import { journalEnd } from "./journal.ts";
import type { ProcessProof, Restarted } from "./process-proof.ts";
import { type Expected, type Propagation, readBeforeRestart, readPropagation } from "./propagation.ts";
import { restartLimitMs, restartUnits, runHostCommand } from "./service-units.ts";
import type { UnitProof } from "./unit-proof.ts";

const POLL_MS = 250;

/** How a host is restarted. */
export type RestartRules = Pick<
  RestartSection,
  "timeoutSeconds" | "stableSeconds" | "drain" | "undrain" | "drainTimeoutSeconds"
>;

/** What is expected of a host before its restart is known. */
export type Aim = Pick<Expected, "wanted" | "place" | "weaker">;

/** A host that is proven: its processes, its units as they were then, and the restart that they are proven after. */
export interface HostProof {
  processes: ProcessProof[];
  units: UnitProof[];
  restarted?: Restarted;
}

/** Takes the host out of the load balancer or back in, where that is configured. */
export async function runBalancerCommand(
  host: Host,
  which: "drain" | "undrain",
  rules: RestartRules,
  writer: HostWriter,
): Promise<void> {
  const argv = rules[which];
  if (argv) await runHostCommand(host, argv, { ...writer, timeoutSeconds: rules.drainTimeoutSeconds });
}

/** The last lines of these units' journals. */
async function journalsOf(
  host: Host,
  units: readonly string[],
  since: Date,
  writer: HostWriter,
): Promise<string> {
  return (await Promise.all(units.map((unit) => journalEnd(host, unit, since, writer)))).join("");
}

/**
 * Asks until every process is as wanted, and its unit has held out for `seconds`.
 * @throws {HostError} naming each straggler when the time is over, or as soon as waiting cannot help any more.
 */
export async function waitUntilPropagated(
  host: Host,
  aim: Aim & { restarted: Restarted },
  { timeoutSeconds, seconds, failed = [] }: { timeoutSeconds: number; seconds: number; failed?: string[] },
  writer: HostWriter,
): Promise<HostProof> {
  const until = performance.now() + (timeoutSeconds + seconds) * 1000;
  let seen: Propagation;
  do {
    seen = await readPropagation(host, { ...aim, stable: { seconds } }, writer);
    writer.signal.throwIfAborted();
    if (seen.certain.length > 0) break;
    if (seen.faults.length === 0)
      return { processes: seen.proofs, units: seen.units, restarted: aim.restarted };
    await sleep(POLL_MS, undefined, { signal: writer.signal });
  } while (performance.now() < until);
  const { at } = aim.restarted;
  const time = seen.certain.length > 0 ? "" : ` within ${timeoutSeconds} s`;
  const reason =
    `expected every process of ${host.name} to run the wanted release and flag${time}, got: ` +
    `${[...failed, ...seen.faults].join("; ")}${await journalsOf(host, [...new Set(seen.certain.map(({ unit }) => unit))], at, writer)}. ` +
    (seen.certain.length > 0
      ? "Mend what its log says."
      : "Look at its log; does it read the flag where it is written?");
  if (seen.stragglers > 0) throw new HostError("restart", host.name, reason);
  throw new NotProvenError("restart", host.name, reason, seen.certain.length + failed.length > 0);
}

/** Restarts, and says with what the journal of a unit ends that does not start. @returns the host's clock just before. */
async function restartAll(
  host: Host,
  { at, variable, ...options }: { at: Date; variable: string; limitMs: number; goOn: boolean },
  writer: HostWriter,
): ReturnType<typeof restartUnits> {
  try {
    return await restartUnits(host, options, writer);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    const run = await readHostRun(host, { variable, detailed: [] }, writer).catch(() => undefined);
    const units = (run?.units ?? []).filter(({ active }) => active !== "active").map(({ unit }) => unit);
    const journals = await journalsOf(host, units, at, writer);
    throw new HostError("restart", host.name, `${error.reason}${journals}.`, { cause: error });
  }
}

/**
 * Restarts the services of one host and proves that each process runs what is wanted: out of the load balancer where
 * one is configured, back in once it is well.
 * @throws {HostError} when a command or a service fails, or a process does not come up with what is wanted. The host is
 * left out of the load balancer then.
 */
export async function restartHost(
  host: Host,
  aim: Aim,
  { seconds, ...rules }: RestartRules & { seconds: number },
  writer: HostWriter,
): Promise<HostProof> {
  const { units, ...before } = await readBeforeRestart(host, aim.place, writer);
  await runBalancerCommand(host, "drain", rules, writer);
  const { variable } = aim.place;
  // On the way back a unit that does not start must not leave the others with what they ran.
  const options = { limitMs: restartLimitMs(units, rules), goOn: aim.weaker === true };
  const { at, failed } = await restartAll(host, { at: before.at, variable, ...options }, writer);
  const times = { timeoutSeconds: rules.timeoutSeconds, seconds, failed };
  const proof = await waitUntilPropagated(host, { ...aim, restarted: { ...before, at } }, times, writer);
  await runBalancerCommand(host, "undrain", rules, writer);
  return proof;
}

/**
 * What every process of the host says when all of them run what is wanted already; undefined when one does not, or
 * cannot be asked. A restart that was interrupted goes on with the hosts that are left.
 */
export async function alreadyPropagated(
  host: Host,
  { wanted, place }: Aim,
  { stableSeconds }: Pick<RestartSection, "stableSeconds">,
  writer: HostWriter,
): Promise<HostProof | undefined> {
  if (host.services.some(({ health }) => !health)) return undefined;
  const first = await readPropagation(host, { wanted, place }, writer);
  if (first.faults.length > 0 || first.proofs.some(({ by }) => by === "process")) return undefined;
  const until = performance.now() + stableSeconds * 1000;
  const stable = { seconds: stableSeconds, base: first.units };
  for (let seen = first; ; await sleep(POLL_MS, undefined, { signal: writer.signal })) {
    seen = await readPropagation(host, { wanted, place, stable }, writer);
    if (seen.faults.length === 0) return { processes: seen.proofs, units: seen.units };
    if (seen.certain.length > 0 || performance.now() > until) return undefined;
  }
}
