import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { StepError } from "../../errors/step-error.ts";
import { endProcess } from "../../processes/end-process.ts";
import { isRunning } from "../../processes/process-identity.ts";
import { spawnDetached } from "../detached.ts";
import type { SandboxPaths } from "../paths.ts";
import { requireFree } from "../ports.ts";
import { askAll } from "./health.ts";
import type { HostPlan } from "./host.ts";
import { readProcesses, removeProcesses } from "./process-record.ts";

const SUPERVISOR = fileURLToPath(new URL("./supervisor.ts", import.meta.url));
const READY_MS = 30_000;
/** Longer than the supervisor gives its processes. */
const STOP_MS = 8_000;

/** True when the host's supervisor runs. */
export function isHostRunning(plan: HostPlan): boolean {
  const record = readProcesses(plan.folder);
  return record !== undefined && isRunning(record.supervisor);
}

/**
 * What has to hold before a host that does not run is started.
 * @throws {StepError} naming the port, when one of the host's is taken.
 */
export async function requireStartable(paths: SandboxPaths, plan: HostPlan): Promise<void> {
  if (isHostRunning(plan)) return;
  await endLeftovers(plan);
  for (const { unit, port } of plan.units) await requireFree(paths, `${unit} on ${plan.name}`, port);
}

/**
 * Starts the host's supervisor, detached, and waits until every process of every unit has said that it is well.
 * @throws {StepError} naming the log, when a process does not come up.
 */
export async function startHost(plan: HostPlan): Promise<void> {
  const supervisor = spawnDetached(SUPERVISOR, [], plan.folder);
  let ended = false;
  supervisor.once("exit", () => {
    ended = true;
  });
  await waitUntilWell(plan, () => ended);
}

async function waitUntilWell(plan: HostPlan, ended: () => boolean): Promise<void> {
  const until = Date.now() + READY_MS;
  for (const { unit, processes, port } of plan.units) {
    while (!(await isWell(port, processes))) {
      if (!ended() && Date.now() < until) {
        await sleep(50);
        continue;
      }
      await stopHost(plan);
      throw new StepError(
        `sandbox: expected ${processes} healthy process(es) of ${unit} on ${plan.name} within ${READY_MS / 1000} s, ` +
          `got fewer. Last line of ${join(plan.folder, "journal.log")}: ${lastLine(join(plan.folder, "journal.log"))}. ` +
          "Mend what it says and run `npx rollout sandbox up` again.",
      );
    }
  }
}

async function isWell(port: number, processes: number): Promise<boolean> {
  const answers = await askAll(`http://127.0.0.1:${port}/health`, processes);
  return answers.length === processes && answers.every(({ database }) => database === "ok");
}

/** Ends the supervisor and all that it started. */
export async function stopHost(plan: HostPlan): Promise<void> {
  const record = readProcesses(plan.folder);
  if (record) await endProcess(record.supervisor, { graceMs: STOP_MS });
  await endLeftovers(plan);
}

/** Processes that outlived a killed supervisor. They end by themselves; one that hangs is helped. */
async function endLeftovers(plan: HostPlan): Promise<void> {
  const record = readProcesses(plan.folder);
  if (!record || isRunning(record.supervisor)) return;
  await Promise.all(record.children.map((child) => endProcess(child, { graceMs: 2_000 })));
  removeProcesses(plan.folder);
}

function lastLine(file: string): string {
  return readFileSync(file, "utf8").trim().split("\n").at(-1)?.slice(0, 300) || "(empty)";
}
