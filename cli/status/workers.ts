import type { RolloutConfig } from "../../config/schema.ts";
import type { Host, Service } from "../../config/target.ts";
import type { FlagPlace } from "../../hosts/flag-file.ts";
import { askService, type ServiceAnswer, showAddress } from "../../hosts/health.ts";
import { askedFields } from "../../hosts/health-answer.ts";
import { HostError } from "../../hosts/host-shell.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { type ProcessProof, UNKNOWN } from "../../hosts/process-proof.ts";
import { readPropagation } from "../../hosts/propagation.ts";
import type { WorkerStatus } from "./contract.ts";

/** What the host is asked for beside health addresses: the flag's variable, and where it is written. */
const USUAL_PLACE: FlagPlace = { backend: "env-file", variable: "DEAL_TYPE_AWARENESS" };

type FlagSettings = Partial<Pick<RolloutConfig, "flag" | "flagVariable" | "deployment">>;

/** What the configuration says of the flag, as far as it can be told. Pure. */
export function flagLook({ flag, flagVariable: variable, deployment }: FlagSettings) {
  const backend = deployment?.flagBackend ?? USUAL_PLACE.backend;
  return { flag, place: { backend, variable: variable ?? USUAL_PLACE.variable } };
}

const NAMES = ["release", "flag"] as const;

function workerOf({ host, unit, pid, startedAt, release, flag, by, reason }: ProcessProof): WorkerStatus {
  const facts = { release, flag };
  return {
    ...{ host, unit, pid, startedAt, release, by, reason: reason ?? null },
    value: flag === UNKNOWN ? null : flag,
    unknown: NAMES.filter((name) => facts[name] === UNKNOWN),
  };
}

/** Whether an address tells of each process all that is to be known of it. */
const tellsAll = ({ health, healthFields }: Service) =>
  health !== undefined && askedFields(healthFields).length === askedFields().length;

function tellAnswers(host: Host, service: Service, answer: ServiceAnswer, errors: string[]): WorkerStatus[] {
  const { processes, fault } = answer;
  const { unit, health } = service;
  const who = `status: expected ${service.processes} processes of ${unit} on ${host.name} at ${showAddress(health)}`;
  if (fault) errors.push(`${who}, got: ${fault}. Start the service, or look at its log.`);
  else if (processes.length < service.processes)
    errors.push(`${who}, got ${processes.length}. Look at the service's log.`);
  return processes.map(({ pid, release = UNKNOWN, startedAt = "", flag = null }) =>
    workerOf({ host: host.name, unit, pid, startedAt, release, flag, by: "health" }),
  );
}

/** What the host sees of services that do not say all themselves. */
async function lookAt(
  host: Host,
  services: readonly Service[],
  { place, flag }: { place: FlagPlace; flag: boolean | null },
  errors: string[],
): Promise<WorkerStatus[]> {
  if (services.length === 0) return [];
  const wanted = { release: undefined, flag };
  const reader = { shell: localShell, signal: new AbortController().signal };
  try {
    const there = { ...host, services: [...services] };
    const { seen } = await readPropagation(there, { wanted, place, weaker: true }, reader);
    for (const { unit } of services.filter(({ unit }) => !seen.some((process) => process.unit === unit)))
      errors.push(`status: expected processes of ${unit} on ${host.name}, got none. Look at its log.`);
    return seen.map(workerOf);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    errors.push(`status: expected a look at ${host.name}, got: ${error.reason}`);
    return [];
  }
}

async function readHost(
  host: Host,
  look: { place: FlagPlace; flag: boolean | null },
  errors: string[],
): Promise<WorkerStatus[]> {
  const asked = host.services.filter(tellsAll);
  const answers = await Promise.all(asked.map((service) => askService(service)));
  const told = asked.flatMap((service, index) =>
    tellAnswers(host, service, answers[index] as ServiceAnswer, errors),
  );
  // Something answers there, but not with what is asked for: an application without its database, mostly.
  const unwell = asked.filter((_, index) => answers[index]?.status !== undefined);
  const others = host.services.filter((service) => !tellsAll(service) || unwell.includes(service));
  return [...told, ...(await lookAt(host, others, look, errors))];
}

/**
 * What every process of every service says of itself, or the host sees of it; what neither tells is told in `errors`.
 * @param look the flag's place and what is wanted; without it the usual one.
 */
export async function readWorkers(
  hosts: readonly Host[],
  errors: string[],
  look: { place?: FlagPlace; flag?: boolean | undefined } = {},
): Promise<WorkerStatus[]> {
  const { place = USUAL_PLACE, flag = null } = look;
  return (await Promise.all(hosts.map((host) => readHost(host, { place, flag }, errors)))).flat();
}
