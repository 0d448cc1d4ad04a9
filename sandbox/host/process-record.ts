import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ProcessIdentity } from "../../processes/process-identity.ts";
import { writeJson } from "../../system/durable-file.ts";

/** The supervisor of a host and the processes it started, each with its unit. */
const ProcessRecord = z.strictObject({
  supervisor: ProcessIdentity,
  children: z.array(ProcessIdentity.extend({ unit: z.string() })),
});
export type ProcessRecord = z.infer<typeof ProcessRecord>;

const recordFile = (hostFolder: string) => join(hostFolder, "processes.json");

/** What was started on this host last; undefined when nothing was, or the record can't be read. */
export function readProcesses(hostFolder: string): ProcessRecord | undefined {
  try {
    return ProcessRecord.parse(JSON.parse(readFileSync(recordFile(hostFolder), "utf8")));
  } catch {
    return undefined;
  }
}

export function writeProcesses(hostFolder: string, record: ProcessRecord): void {
  if (existsSync(hostFolder)) writeJson(recordFile(hostFolder), record);
}

export function removeProcesses(hostFolder: string): void {
  rmSync(recordFile(hostFolder), { force: true });
}
