import { renameSync } from "node:fs";
import { systemctl } from "./served-rollout.ts";
import { killServices, type ServedHost } from "./unit-stand-in.ts";

const partsOf = ({ appDir, envFile }: ServedHost) => [appDir, envFile];

/** Nothing of the machine answers: no process, no file. */
export function die(host: ServedHost): void {
  killServices(host);
  for (const path of partsOf(host)) renameSync(path, `${path}.dead`);
}

/** It comes back as it was, and starts what its files say. */
export function revive(host: ServedHost): void {
  for (const path of partsOf(host)) renameSync(`${path}.dead`, path);
  for (const unit of ["web", "worker"]) systemctl(host, "restart", unit);
}
