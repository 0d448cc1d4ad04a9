import type { RestartSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import type { FlagPlace } from "./flag-file.ts";
import {
  type Aim,
  alreadyPropagated,
  type HostProof,
  restartHost,
  runBalancerCommand,
  waitUntilPropagated,
} from "./host-restart.ts";
import { type HostWriter, hostReason, NotProvenError } from "./host-shell.ts";
import { describeProofs, type ProcessProof, type Wanted } from "./process-proof.ts";
import type { UnitProof } from "./unit-proof.ts";

/** How far a host has come: `untouched` ones run what they ran before. */
export type HostState = "proven" | "not proven" | "put back" | "failed" | "untouched";

export interface HostRestart {
  host: string;
  state: HostState;
  /** What each process said, or the host saw of it; empty but for hosts that are proven or put back. */
  processes: ProcessProof[];
  /** The units as they were proven; absent but for hosts that are. */
  units?: UnitProof[];
  /** Why it failed, and what became of it. */
  reason?: string;
}

export interface Waves {
  hosts: readonly Host[];
  /** What the processes of a host have to say afterwards. */
  wantedOn(host: Host): Wanted;
  /** Where the flag is written. */
  place: FlagPlace;
  restart: RestartSection;
  /** Gives a host that failed its former files back. @returns what it has to run then. Without it nothing is put back. */
  putBack?(host: Host): Promise<Wanted>;
  /** Whether the others follow when a host fails: on the way back they do. */
  goOn: boolean;
  /** Whether a host counts that was restarted and of which nothing can be proven: on the way back it does, and is named. */
  provesOrNot?: true;
  log(line: string): void;
}

/** The first host alone, as the canary, the others in groups of `maxUnavailable`. Pure. */
export function planWaves(hosts: readonly Host[], maxUnavailable: number): Host[][] {
  const waves = hosts.slice(0, 1).map((host) => [host]);
  for (let index = 1; index < hosts.length; index += maxUnavailable)
    waves.push(hosts.slice(index, index + maxUnavailable));
  return waves;
}

/** Requests that would fail: web services that nothing keeps open while they restart, one complete line each. Pure. */
export function restartGaps(hosts: readonly Host[], { drain, undrain }: RestartSection): string[] {
  if (drain && undrain) return [];
  return hosts.flatMap(({ name, services }) =>
    services
      .filter(({ kind, socket }) => kind === "web" && !socket)
      .map(
        ({ unit }) =>
          `expected ${unit} on ${name} to restart without failed requests, got neither a socket unit nor drain and ` +
          "undrain commands. Name its `socket`, or set deployment.restart.drain and undrain, or set zeroFailures to false.",
      ),
  );
}

/**
 * How long a service has to hold out before the next wave. On the way back nothing waits for it: all hosts are looked at
 * again at the end, together.
 */
const holdOut = ({ goOn, restart }: Waves) => (goOn ? 0 : restart.stableSeconds);

const aimOf = (host: Host, { wantedOn, place, goOn }: Waves): Aim => ({
  wanted: wantedOn(host),
  place,
  weaker: goOn,
});

/**
 * Restarts a host on the way back. A proof that cannot be had does not keep it out of the load balancer; a unit that does
 * not run does.
 */
async function restartBack(
  host: Host,
  aim: Aim,
  { restart, seconds }: { restart: RestartSection; seconds: number },
  writer: HostWriter,
): Promise<HostProof | { unproven: string }> {
  try {
    return await restartHost(host, aim, { ...restart, seconds }, writer);
  } catch (error) {
    if (!(error instanceof NotProvenError)) throw error;
    const out = error.unwell && restart.drain ? " It stays out of the load balancer." : "";
    if (!error.unwell) await runBalancerCommand(host, "undrain", restart, writer);
    return { unproven: `restarted, not proven: ${error.reason}${out}` };
  }
}

const notProven = (host: string, reason: string): HostRestart => ({
  ...{ host, state: "not proven", processes: [], reason },
});

async function restartOne(host: Host, waves: Waves, writer: HostWriter): Promise<Proven> {
  const aim = aimOf(host, waves);
  const ready = await alreadyPropagated(host, aim, waves.restart, writer);
  const { restart, provesOrNot } = waves;
  const rules = { ...restart, seconds: holdOut(waves) };
  const proof =
    ready ??
    (provesOrNot
      ? await restartBack(host, aim, { restart, seconds: rules.seconds }, writer)
      : await restartHost(host, aim, rules, writer));
  if ("unproven" in proof) {
    waves.log(`${host.name}: ${proof.unproven}`);
    return notProven(host.name, proof.unproven);
  }
  // A run that was killed after its restart has left it out of the load balancer.
  if (ready) await runBalancerCommand(host, "undrain", waves.restart, writer);
  const did = ready ? "left alone" : "restarted";
  waves.log(`${host.name}: ${did}: ${describeProofs(proof.processes, aim.wanted)}`);
  return { host: host.name, state: "proven", ...proof };
}

/** A host whose restart may still have to hold out. */
type Proven = HostRestart & Pick<HostProof, "restarted">;

/** A failure that is not the host's own (a cancelled run) is thrown on: then nothing is put back behind its back. */
function reasonOf(host: Host, error: unknown, { signal }: HostWriter): string {
  signal.throwIfAborted();
  return hostReason(host.name, error);
}

async function putBackOne(
  host: Host,
  failed: HostRestart & { reason: string },
  waves: Waves,
  writer: HostWriter,
): Promise<HostRestart> {
  const drained = waves.restart.drain ? " It stays out of the load balancer." : "";
  if (!waves.putBack) return { ...failed, reason: failed.reason + drained };
  try {
    waves.log(`${host.name}: putting back what it ran before`);
    const wanted = await waves.putBack(host);
    const aim = { wanted, place: waves.place, weaker: true };
    const { restart } = waves;
    const proof = await restartBack(host, aim, { restart, seconds: restart.stableSeconds }, writer);
    if ("unproven" in proof)
      return {
        ...failed,
        state: "put back",
        reason: `${failed.reason} It was put back to what it ran before and ${proof.unproven}`,
      };
    const { processes, units } = proof;
    const reason = `${failed.reason} It was put back to what it ran before; ${processes.length} processes are proven.`;
    return { host: host.name, state: "put back", processes, units, reason };
  } catch (error) {
    const reason = `${failed.reason} It could not be put back: ${reasonOf(host, error, writer)}${drained}`;
    return { ...failed, reason };
  }
}

async function tryOne(host: Host, waves: Waves, writer: HostWriter): Promise<Proven> {
  try {
    return await restartOne(host, waves, writer);
  } catch (error) {
    const reason = reasonOf(host, error, writer);
    waves.log(`${host.name}: ${reason}`);
    return putBackOne(host, { host: host.name, state: "failed", processes: [], reason }, waves, writer);
  }
}

/** Looks again at a host that was restarted without a wait: it has to have held out. */
async function settleOne(done: Proven, waves: Waves, writer: HostWriter): Promise<HostRestart> {
  const { restarted, ...settled } = done;
  const host = waves.hosts.find(({ name }) => name === done.host);
  if (!restarted || !host || done.state !== "proven" || holdOut(waves) > 0) return settled;
  const { timeoutSeconds, stableSeconds: seconds } = waves.restart;
  try {
    const aim = { ...aimOf(host, waves), restarted };
    const { processes, units } = await waitUntilPropagated(host, aim, { timeoutSeconds, seconds }, writer);
    return { ...settled, processes, units };
  } catch (error) {
    if (waves.provesOrNot && error instanceof NotProvenError)
      return notProven(host.name, `restarted, not proven: ${error.reason}`);
    return { host: host.name, state: "failed", processes: [], reason: reasonOf(host, error, writer) };
  }
}

/**
 * Restarts hosts in waves, each proven before the next. On the first failure it stops (unless it is to go on), puts that
 * host back and leaves the rest. Hosts that run what is wanted already are left alone.
 * @returns how far each host has come, in their order.
 */
export async function restartInWaves(waves: Waves, writer: HostWriter): Promise<HostRestart[]> {
  const done: Proven[] = [];
  for (const wave of planWaves(waves.hosts, waves.restart.maxUnavailable)) {
    writer.signal.throwIfAborted();
    const stopped = !waves.goOn && done.some(({ state }) => state !== "proven");
    if (stopped) done.push(...wave.map(({ name }) => untouched(name)));
    else done.push(...(await settleAll(wave.map((host) => tryOne(host, waves, writer)))));
  }
  return settleAll(done.map((host) => settleOne(host, waves, writer)));
}

const untouched = (host: string): HostRestart => ({ host, state: "untouched", processes: [] });

/** Waits for all of a wave before it throws: no host is still at work when the run ends. */
async function settleAll<T extends HostRestart>(work: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
