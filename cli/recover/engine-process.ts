import { readProcess } from "../../processes/process-identity.ts";

/** Pid of the Pulumi engine that this process works for; undefined when that engine is gone. */
export function findEngineOf(pid: number): number | undefined {
  for (let entry = readProcess(pid), at = pid; entry; at = entry.parent, entry = readProcess(at)) {
    if (entry.command === "pulumi") return at;
  }
  return undefined;
}

/** Whether this pid is a Pulumi engine that runs. */
export function isEngine(pid: number): boolean {
  return readProcess(pid)?.command === "pulumi";
}
