import type { Client } from "pg";
import { MaintenanceSection } from "../../config/maintenance.ts";
import { readMaintenance } from "../../postgres/migration/maintenance-record.ts";
import type { Status } from "./contract.ts";

/** Writers that this rollout has stopped and not started again: by a run at work, or by one that was killed. */
export async function readOpenMaintenance(client: Client): Promise<Status["maintenance"]> {
  const record = await readMaintenance(client);
  return record ? { since: record.since, start: MaintenanceSection.parse(record.section).start } : null;
}
