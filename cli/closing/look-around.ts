import { tellError } from "../../errors/report-error.ts";
import type { DatabaseTraces } from "../../postgres/migration/remove-rollout.ts";
import type { Closing } from "./closing.ts";
import { lookAtDatabase } from "./database-traces.ts";
import { type HostPlan, lookAtHosts, type Removable } from "./host-traces.ts";

/** What there is, and what could not be reached. */
export interface Surroundings {
  /** Absent when it could not be looked at. */
  database?: DatabaseTraces;
  hosts: HostPlan[];
  /** What could not be looked at, each with its reason. */
  faults: string[];
}

/** Looks at the database and every host; read-only. */
export async function lookAround(closing: Closing, removable: Removable): Promise<Surroundings> {
  const { plans: hosts, faults } = await lookAtHosts(closing, removable);
  const missed = faults.map((fault) => `could not look at ${fault}`);
  try {
    return { database: await lookAtDatabase(closing), hosts, faults: missed };
  } catch (error) {
    const reason = tellError(error);
    return { hosts, faults: [`could not look at the database: ${reason}`, ...missed] };
  }
}
