import { setTimeout as sleep } from "node:timers/promises";
import type { RestartSection } from "../config/deployment.ts";
import type { Host } from "../config/target.ts";
import { HostError, type HostWriter, NotProvenError } from "./host-shell.ts";
import {
  type ProcessProof,
  type Propagation,
  type Restarted,
  readBeforeRestart,
  readPropagation,
  type Wanted,
} from "./propagation.ts";
import { readUnits, restartLimitMs, restartUnits, runHostCommand } from "./service-units.ts";

const POLL_MS = 250;

/** How a host is restarted. */
export type RestartRules = Pick<
  RestartSection,
  "timeoutSeconds" | "drain" | "undrain" | "drainTimeoutSeconds"
>;

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

/** Asks until every process is as wanted. @throws {HostError} naming each straggler when the time is over. */
async function waitUntilPropagated(
  host: Host,
  expected: { wanted: Wanted; restarted: Restarted },
  { timeoutSeconds }: RestartRules,
  writer: HostWriter,
): Promise<ProcessProof[]> {
  const until = performance.now() + timeoutSeconds * 1000;
  let seen: Propagation;
  do {
    seen = await readPropagation(host, expected, writer);
    writer.signal.throwIfAborted();
    if (seen.faults.length === 0) return seen.proofs;
    await sleep(POLL_MS, undefined, { signal: writer.signal });
  } while (performance.now() < until);
  const reason =
    `expected every process of ${host.name} to run the wanted release and flag within ${timeoutSeconds} s, got: ` +
    `${seen.faults.join("; ")}. Look at its log; does it read the flag where it is written?`;
  const Fault = seen.stragglers > 0 ? HostError : NotProvenError;
  throw new Fault("restart", host.name, reason);
}

/**
 * Restarts the services of one host and proves that each process runs what is wanted: out of the load balancer where
 * one is configured, back in once it is well.
 * @throws {HostError} when a command or a service fails, or a process does not come up with what is wanted. The host is
 * left out of the load balancer then.
 */
export async function restartHost(
  host: Host,
  wanted: Wanted,
  rules: RestartRules,
  writer: HostWriter,
): Promise<ProcessProof[]> {
  const names = host.services.map(({ unit }) => unit);
  const [before, units] = await Promise.all([
    readBeforeRestart(host, writer),
    readUnits(host, names, writer),
  ]);
  await runBalancerCommand(host, "drain", rules, writer);
  const at = await restartUnits(host, restartLimitMs(units, rules), writer);
  const proofs = await waitUntilPropagated(host, { wanted, restarted: { at, before } }, rules, writer);
  await runBalancerCommand(host, "undrain", rules, writer);
  return proofs;
}

/**
 * What every process of the host says when all of them run what is wanted already; undefined when one does not, or
 * cannot be asked. A restart that was interrupted goes on with the hosts that are left.
 */
export async function alreadyPropagated(
  host: Host,
  wanted: Wanted,
  writer: HostWriter,
): Promise<ProcessProof[] | undefined> {
  if (host.services.some(({ health }) => !health)) return undefined;
  const { proofs, faults } = await readPropagation(host, { wanted }, writer);
  return faults.length === 0 ? proofs : undefined;
}
