import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { HealthFields } from "../../config/health-fields.ts";
import { Host } from "../../config/target.ts";
import { askService, showAddress } from "../../hosts/health.ts";
import { askedFields, type ProcessHealth } from "../../hosts/health-answer.ts";

/** The services to ask: what of the hosts matters here, so that a moved folder is no change of the step. */
export const AskedHost = z.strictObject({
  name: Host.shape.name,
  services: z.array(
    z.strictObject({
      unit: z.string(),
      processes: z.int().min(1),
      health: z.string().optional(),
      healthFields: HealthFields.optional(),
    }),
  ),
});
export type AskedHost = z.infer<typeof AskedHost>;

/** What of the configured hosts is asked. Pure. */
export function askedHosts(hosts: readonly Host[]): AskedHost[] {
  return hosts.map(({ name, services }) => ({
    name,
    services: services.map(({ unit, processes, health, healthFields }) => ({
      unit,
      processes,
      ...(health ? { health } : {}),
      ...(healthFields ? { healthFields } : {}),
    })),
  }));
}

/** One service, and what its processes said. */
export interface ServiceHealth {
  host: string;
  unit: string;
  expected: number;
  /** Null for a service without a health address: nobody asked it. What an address does not tell is absent. */
  answered: { pid?: number; release?: string; startedAt?: string }[] | null;
}

/** A service that is being restarted gets this many chances, a second apart. */
const TRIES = 10;
const PAUSE_MS = 1_000;

type Service = AskedHost["services"][number];

/** @returns the service's answers, or what is wrong with it. */
async function readService(
  host: string,
  service: Service,
  { signal, tries: most }: { signal: AbortSignal; tries: number },
): Promise<ServiceHealth | string> {
  const { unit, processes: expected, health, healthFields } = service;
  // Where nobody says who answers, one answer that is well is all that can be had.
  const named = askedFields(healthFields).includes("pid");
  if (!health) return { host, unit, expected, answered: null };
  let fault = "";
  for (let tries = 0; tries < most; tries += 1) {
    if (tries > 0) await sleep(PAUSE_MS, undefined, { signal });
    const asked = { health, processes: expected, ...(healthFields ? { healthFields } : {}) };
    const { processes, unnamed, fault: broke } = await askService(asked, signal);
    signal.throwIfAborted();
    const all: ProcessHealth[] = named ? processes : unnamed;
    const down = all.filter(({ database = "ok" }) => database !== "ok");
    if (!broke && (!named || all.length === expected) && down.length === 0) {
      const answered = all.map(({ flag: _, database: __, ...told }) => told);
      return { host, unit, expected, answered };
    }
    fault = broke ?? (down.length > 0 ? `${down.length} without a database` : `${all.length} that answer`);
  }
  return `expected ${expected} healthy processes of ${unit} on ${host} at ${showAddress(health)}, got: ${fault}`;
}

/** Asks every service of every host until each process has answered, or as often as it is told. */
export async function readServices(
  hosts: readonly AskedHost[],
  signal: AbortSignal,
  { tries = TRIES }: { tries?: number } = {},
): Promise<{ services: ServiceHealth[]; faults: string[] }> {
  const asked = hosts.flatMap(({ name, services }) =>
    services.map((service) => readService(name, service, { signal, tries })),
  );
  const answers = await Promise.all(asked);
  return {
    services: answers.filter((answer) => typeof answer !== "string"),
    faults: answers.filter((answer) => typeof answer === "string"),
  };
}
