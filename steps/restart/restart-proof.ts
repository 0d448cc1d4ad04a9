import type { Host } from "../../config/target.ts";
import type { UnitRun } from "../../hosts/host-run.ts";
import { isUntold, type ProcessProof, showWanted, type Wanted } from "../../hosts/process-proof.ts";
import type { UnitProof } from "../../hosts/unit-proof.ts";
import { entryKey } from "../../ledger/entries.ts";
import { resultOf } from "../recorded.ts";
import type { BaseSpec, StepDeps } from "../step.ts";
import { RestartRecord } from "./restart-record.ts";

/** The units of a host as this step has proven them; nothing when that is not its last word. */
export function provenUnits(
  { name }: Host,
  { identity }: BaseSpec,
  { evidence }: Pick<StepDeps, "evidence">,
): UnitProof[] | undefined {
  const entry = evidence.entries().get(entryKey(identity));
  const result = entry?.state === "done" ? resultOf({ result: RestartRecord }, entry) : undefined;
  return result?.hosts.find(({ host, state }) => host === name && state === "proven")?.units;
}

/** What each process has to say, and which ones nobody can ask. Pure. */
export function askLines(hosts: readonly Host[], wanted: Wanted): string[] {
  const which = (has: boolean) => [
    ...new Set(
      hosts.flatMap(({ services }) =>
        services.filter(({ health }) => !!health === has).map(({ unit }) => unit),
      ),
    ),
  ];
  const [asked, others] = [which(true), which(false)];
  return [
    ...(asked.length > 0 ? [`each process of ${asked.join(", ")} has to say ${showWanted(wanted)}`] : []),
    ...(others.length > 0
      ? [
          `${others.join(", ")} cannot be asked (no health address): that it runs, since when, in which release and with ` +
            "which flag is read from the host, a weaker proof",
        ]
      : []),
  ];
}

/** What the host does not tell now of processes that cannot be asked: it will not tell it after the restart. Pure. */
export function untoldWarnings(seen: readonly ProcessProof[]): string[] {
  return seen
    .filter(isUntold)
    .map(
      ({ host, unit, pid, reason = "" }) =>
        `warning: ${unit} on ${host}, pid ${pid}: ${reason}. That stays unproven; docs/health.md says how it can tell it.`,
    );
}

/** ` (1 by the host's look alone)`; nothing where every process has said it. Pure. */
export function weakerNote(processes: readonly ProcessProof[]): string {
  const weaker = processes.filter(({ by }) => by === "process").length;
  return weaker === 0 ? "" : ` (${weaker} by the host's look alone, weaker)`;
}

/** What stopping does to a worker's job, one warning per unit. Pure. */
export function stopWarnings({ name, services }: Host, units: readonly UnitRun[]): string[] {
  return services
    .filter(
      ({ kind, unit }) =>
        kind === "worker" && units.find((state) => state.unit === unit)?.killMode === "control-group",
    )
    .map(
      ({ unit }) =>
        `warning: ${unit} on ${name} has KillMode=control-group: a stop kills its pool in mid-job. ` +
        "Set KillMode=mixed and a TimeoutStopSec of its longest job.",
    );
}
