import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { StepError } from "../../errors/step-error.ts";
import { endProcess } from "../../processes/end-process.ts";
import { identify, isRunning, ProcessIdentity } from "../../processes/process-identity.ts";
import { writeJson } from "../../system/durable-file.ts";
import { spawnDetached } from "../detached.ts";
import type { SandboxPaths } from "../paths.ts";
import { isPortFree, requireFree } from "../ports.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
export const BALANCER_PURPOSE = "balancer";
const READY_MS = 30_000;
const STOP_MS = 4_000;

/** What the balancer is started with. */
export interface BalancerPlan {
  folder: string;
  port: number;
  /** Web address of each host. */
  urls: string[];
}

const Running = z.strictObject({ process: ProcessIdentity, port: z.int(), urls: z.array(z.string()) });
const recordFile = (folder: string) => join(folder, "process.json");

function readRunning(folder: string): z.infer<typeof Running> | undefined {
  try {
    const running = Running.parse(JSON.parse(readFileSync(recordFile(folder), "utf8")));
    return isRunning(running.process) ? running : undefined;
  } catch {
    return undefined;
  }
}

export const isBalancerRunning = ({ balancer }: SandboxPaths) => readRunning(balancer) !== undefined;

/** @throws {StepError} naming the port, when the balancer does not run and somebody else listens there. */
export async function requireBalancerStartable(paths: SandboxPaths, port: number): Promise<void> {
  if (!isBalancerRunning(paths)) await requireFree(paths, "the balancer", port);
}

/** Starts the balancer, again when it stands before other addresses, and waits until it listens. */
export async function startBalancer(plan: BalancerPlan, log: (line: string) => void): Promise<void> {
  const running = readRunning(plan.folder);
  if (running && running.port === plan.port && `${running.urls}` === `${plan.urls}`) return;
  if (running) await endProcess(running.process, { graceMs: STOP_MS });
  log(`starting the balancer before ${plan.urls.length} hosts`);
  mkdirSync(plan.folder, { recursive: true });
  const child = spawnDetached(MAIN, [String(plan.port), ...plan.urls], plan.folder);
  const process = identify(child.pid ?? 0);
  if (process) writeJson(recordFile(plan.folder), { process, port: plan.port, urls: plan.urls });
  const until = Date.now() + READY_MS;
  while (process && isRunning(process) && Date.now() < until) {
    if (!(await isPortFree(plan.port))) return;
    await sleep(20);
  }
  throw new StepError(
    `sandbox: expected the balancer to listen on port ${plan.port}, got no answer. ` +
      `Read ${join(plan.folder, "journal.log")} and run \`npx rollout sandbox up\` again.`,
  );
}

export async function stopBalancer({ balancer }: SandboxPaths, log: (line: string) => void): Promise<void> {
  if (!existsSync(recordFile(balancer))) return;
  const running = readRunning(balancer);
  if (running) {
    log("stopping the balancer");
    await endProcess(running.process, { graceMs: STOP_MS });
  }
  rmSync(recordFile(balancer), { force: true });
}
