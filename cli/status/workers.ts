import type { Host, Service } from "../../config/target.ts";
import { askService } from "../../hosts/health.ts";
import type { WorkerStatus } from "./contract.ts";

async function readService(host: Host, service: Service, errors: string[]): Promise<WorkerStatus[]> {
  const { processes, fault } = await askService(service);
  const who = `status: expected ${service.processes} processes of ${service.unit} on ${host.name} at ${service.health}`;
  if (fault) errors.push(`${who}, got: ${fault}. Start the service, or look at its log.`);
  else if (service.health && processes.length < service.processes)
    errors.push(`${who}, got ${processes.length}. Look at the service's log.`);
  return processes.map(({ pid, release, startedAt, flag }) => ({
    ...{ host: host.name, unit: service.unit, pid, release, startedAt },
    value: flag,
  }));
}

/** What every process of every service says of itself; what does not answer is told in `errors`. */
export async function readWorkers(hosts: readonly Host[], errors: string[]): Promise<WorkerStatus[]> {
  const asked = hosts.flatMap((host) => host.services.map((service) => readService(host, service, errors)));
  return (await Promise.all(asked)).flat();
}
