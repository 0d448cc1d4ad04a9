import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify } from "../../processes/process-identity.ts";
import { listenForCommands } from "./control.ts";
import { HostPlan } from "./host.ts";
import { HostUnits } from "./host-units.ts";
import { readProcesses, removeProcesses, writeProcesses } from "./process-record.ts";

/**
 * What systemd is on a real host: holds the web unit's socket, keeps the processes of all units running, does what
 * `systemctl` asks, and ends its processes when it ends. Started in the host's folder.
 */
const STOP_MS = 5_000;
const LOOK_MS = 2_000;

const plan = HostPlan.parse(JSON.parse(readFileSync("host.json", "utf8")));
const self = identify(process.pid);
if (!self) throw new Error("supervisor: expected to find its own process");

function record(): void {
  const children = units.services.flatMap(({ unit, processes }) =>
    [...processes].flatMap(({ pid }) => {
      const identity = pid === undefined ? undefined : identify(pid);
      return identity ? [{ ...identity, unit: unit.unit }] : [];
    }),
  );
  if (self) writeProcesses(plan.folder, { supervisor: self, children });
}

async function stop(): Promise<never> {
  await Promise.race([units.stopAll(), sleep(STOP_MS)]);
  for (const service of units.services) service.signal("SIGKILL", "all");
  if (isRecorded()) removeProcesses(plan.folder);
  process.exit(0);
}

/** False once the host's folder is gone or another supervisor has taken over: then this one has no business here. */
function isRecorded(): boolean {
  const supervisor = readProcesses(plan.folder)?.supervisor;
  return supervisor?.pid === self?.pid && supervisor?.started === self?.started;
}

function fail(error: Error): never {
  console.error(`supervisor: ${error.message}`);
  process.exit(1);
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());

const log = (line: string) => console.error(`${new Date().toISOString()} ${line}`);
const units = new HostUnits(plan, { onChange: () => record(), log });
record();
// A relative path: that of the folder may be longer than a socket's address can be.
listenForCommands(join(".", "control.sock"), units).catch(fail);
units.startAll().catch(fail);
setInterval(() => isRecorded() || void stop(), LOOK_MS);
