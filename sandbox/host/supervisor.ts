import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify } from "../../processes/process-identity.ts";
import { HostPlan } from "./host.ts";
import { readProcesses, removeProcesses, writeProcesses } from "./process-record.ts";
import { runUnit, type UnitRunner } from "./unit-runner.ts";

/**
 * What systemd is on a real host: holds the web unit's socket, keeps the processes of all units running, and
 * ends them when it ends. Started with the host's folder as its only argument.
 */
const STOP_MS = 5_000;
const LOOK_MS = 2_000;

const plan = HostPlan.parse(JSON.parse(readFileSync(join(process.argv[2] ?? ".", "host.json"), "utf8")));
const self = identify(process.pid);
if (!self) throw new Error("supervisor: expected to find its own process");
const runners: UnitRunner[] = [];
const unitOf = new Map<UnitRunner, string>();

function record(): void {
  const children = runners.flatMap((runner) =>
    [...runner.children].flatMap(({ pid }) => {
      const identity = pid === undefined ? undefined : identify(pid);
      return identity ? [{ ...identity, unit: unitOf.get(runner) ?? "" }] : [];
    }),
  );
  if (self) writeProcesses(plan.folder, { supervisor: self, children });
}

async function stop(): Promise<never> {
  for (const server of sockets) server.close();
  for (const runner of runners) runner.stop();
  const until = Date.now() + STOP_MS;
  while (Date.now() < until && runners.some(({ children }) => children.size > 0)) await sleep(20);
  for (const { children } of runners) for (const child of children) child.kill("SIGKILL");
  if (isRecorded()) removeProcesses(plan.folder);
  process.exit(0);
}

/** False once the host's folder is gone or another supervisor has taken over: then this one has no business here. */
function isRecorded(): boolean {
  const supervisor = readProcesses(plan.folder)?.supervisor;
  return supervisor?.pid === self?.pid && supervisor?.started === self?.started;
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());

const sockets = plan.units
  .filter(({ kind }) => kind === "web")
  .map(({ unit, port }) => {
    // Connections come paused: not a byte is read here, the process that gets one reads all of it.
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      runners.find((runner) => unitOf.get(runner) === unit)?.serve(socket);
    });
    server.on("error", (error) => {
      console.error(`supervisor: ${error.message}`);
      process.exit(1);
    });
    return server.listen(port, "127.0.0.1", 511);
  });

for (const unit of plan.units) {
  let ready = false;
  const runner = runUnit(plan, unit, () => ready && record());
  runners.push(runner);
  unitOf.set(runner, unit.unit);
  ready = true;
}
record();
setInterval(() => isRecorded() || void stop(), LOOK_MS);
