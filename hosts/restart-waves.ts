import type { RestartSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import { alreadyPropagated, restartHost, runBalancerCommand } from "./host-restart.ts";
import { type HostWriter, hostReason, NotProvenError } from "./host-shell.ts";
import { type ProcessProof, showWanted, type Wanted } from "./propagation.ts";

/** How far a host has come: `untouched` ones run what they ran before. */
export type HostState = "proven" | "not proven" | "put back" | "failed" | "untouched";

export interface HostRestart {
  host: string;
  state: HostState;
  /** What each process said; empty but for hosts that are proven or put back. */
  processes: ProcessProof[];
  /** Why it failed, and what became of it. */
  reason?: string;
}

export interface Waves {
  hosts: readonly Host[];
  /** What the processes of a host have to say afterwards. */
  wantedOn(host: Host): Wanted;
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

/** Restarts a host on the way back: a proof that cannot be had does not keep it out of the load balancer. */
async function restartBack(
  host: Host,
  wanted: Wanted,
  waves: Waves,
  writer: HostWriter,
): Promise<{ processes: ProcessProof[]; unproven?: string }> {
  try {
    return { processes: await restartHost(host, wanted, waves.restart, writer) };
  } catch (error) {
    if (!(error instanceof NotProvenError)) throw error;
    await runBalancerCommand(host, "undrain", waves.restart, writer);
    return { processes: [], unproven: `restarted, not proven: ${error.reason}` };
  }
}

async function restartOne(host: Host, waves: Waves, writer: HostWriter): Promise<HostRestart> {
  const wanted = waves.wantedOn(host);
  const ready = await alreadyPropagated(host, wanted, writer);
  const back = ready || !waves.provesOrNot ? undefined : await restartBack(host, wanted, waves, writer);
  if (back?.unproven) {
    waves.log(`${host.name}: ${back.unproven}`);
    return { host: host.name, state: "not proven", processes: [], reason: back.unproven };
  }
  const processes = ready ?? back?.processes ?? (await restartHost(host, wanted, waves.restart, writer));
  // A run that was killed after its restart has left it out of the load balancer.
  if (ready) await runBalancerCommand(host, "undrain", waves.restart, writer);
  const asked = processes.filter(({ asked }) => asked).length;
  const rest = processes.length - asked;
  const told = rest > 0 ? `, ${rest} started after the restart, flag not asked` : "";
  waves.log(
    `${host.name}: ${ready ? "left alone" : "restarted"}: ${asked} processes say ${showWanted(wanted)}${told}`,
  );
  return { host: host.name, state: "proven", processes };
}

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
    const { processes, unproven } = await restartBack(host, wanted, waves, writer);
    if (unproven)
      return {
        ...failed,
        state: "put back",
        reason: `${failed.reason} It was put back to what it ran before and ${unproven}`,
      };
    const reason = `${failed.reason} It was put back to what it ran before; ${processes.length} processes are proven.`;
    return { host: host.name, state: "put back", processes, reason };
  } catch (error) {
    const reason = `${failed.reason} It could not be put back: ${reasonOf(host, error, writer)}${drained}`;
    return { ...failed, reason };
  }
}

async function tryOne(host: Host, waves: Waves, writer: HostWriter): Promise<HostRestart> {
  try {
    return await restartOne(host, waves, writer);
  } catch (error) {
    const reason = reasonOf(host, error, writer);
    waves.log(`${host.name}: ${reason}`);
    return putBackOne(host, { host: host.name, state: "failed", processes: [], reason }, waves, writer);
  }
}

/**
 * Restarts hosts in waves, each proven before the next. On the first failure it stops (unless it is to go on), puts that
 * host back and leaves the rest. Hosts that run what is wanted already are left alone.
 * @returns how far each host has come, in their order.
 */
export async function restartInWaves(waves: Waves, writer: HostWriter): Promise<HostRestart[]> {
  const done: HostRestart[] = [];
  for (const wave of planWaves(waves.hosts, waves.restart.maxUnavailable)) {
    writer.signal.throwIfAborted();
    const stopped = !waves.goOn && done.some(({ state }) => state !== "proven");
    if (stopped) done.push(...wave.map(({ name }) => untouched(name)));
    else done.push(...(await settleAll(wave.map((host) => tryOne(host, waves, writer)))));
  }
  return done;
}

const untouched = (host: string): HostRestart => ({ host, state: "untouched", processes: [] });

/** Waits for all of a wave before it throws: no host is still at work when the run ends. */
async function settleAll(work: Promise<HostRestart>[]): Promise<HostRestart[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
