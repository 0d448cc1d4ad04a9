import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolchainEnvironment } from "../../bin/toolchain.mjs";
import { StepError } from "../../errors/step-error.ts";
import { type Captured, capturePulumi } from "../pulumi.ts";
import { isEngine } from "./engine-process.ts";

/** Who locked the stack, as Pulumi's file backend writes it down. */
interface EngineLock {
  pid: number;
  hostname: string;
  timestamp: string;
}

/** Locks of the stack in a file backend; other backends don't show theirs. */
async function readEngineLocks(stack: string): Promise<EngineLock[]> {
  // Laid over: in a shell of `rollout env` another stack's is unset by it.
  const { PULUMI_BACKEND_URL: backend = "" } = { ...process.env, ...toolchainEnvironment({ stack }) };
  if (!backend.startsWith("file:///")) return [];
  const folder = join(fileURLToPath(backend), ".pulumi", "locks", "organization", "deal-type-rollout", stack);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as EngineLock);
}

/** @throws {StepError} when an engine of this machine, or one that cannot be asked, still works on the stack. */
export async function refuseLiveEngine(stack: string): Promise<void> {
  for (const { pid, hostname: host, timestamp } of await readEngineLocks(stack)) {
    if (host !== hostname()) {
      throw new StepError(
        `recover: expected no engine at work on stack ${stack}, got a lock of ${host} (pid ${pid}, since ${timestamp}). ` +
          "Run recover there; if that machine is gone: npx rollout pulumi cancel",
      );
    }
    if (isEngine(pid)) throw liveRun(stack, pid, timestamp);
  }
}

/** An engine of this machine that has locked the stack. */
export interface LockingEngine {
  pid: number;
  /** False: it was killed and left its lock. */
  alive: boolean;
}

/** The engine of this machine that holds the stack's lock, or was killed and left it; undefined when none does. */
export async function findLockingEngine(stack: string): Promise<LockingEngine | undefined> {
  const own = (await readEngineLocks(stack)).filter(({ hostname: host }) => host === hostname());
  const engines = own.map(({ pid }) => ({ pid, alive: isEngine(pid) }));
  return engines.find(({ alive }) => !alive) ?? engines[0];
}

/** Refusal to touch a run that nobody killed. */
export function liveRun(stack: string, pid: number, since: string): StepError {
  return new StepError(
    `recover: expected no run at work on stack ${stack}, got Pulumi (pid ${pid}, since ${since}). ` +
      "Wait for it, or press Ctrl-C where it runs.",
  );
}

function assertDone(what: string, { exitCode, stderr }: Captured): void {
  if (exitCode !== 0) {
    throw new StepError(
      `recover: expected Pulumi to ${what}, got exit code ${exitCode}: ${stderr.trim()}. Run recover again.`,
    );
  }
}

/** Removes the lock that a killed engine left. */
export async function clearEngineLock(stack: string): Promise<void> {
  assertDone("clear its lock", await capturePulumi(["cancel", "--yes"], { stack }));
}

interface Deployment {
  deployment?: { pending_operations?: { type: string; resource: { urn: string } }[] };
}

/**
 * Takes operations that never ended out of Pulumi's state: the ledger knows what they did.
 * @returns one line each.
 */
export async function clearPendingOperations(stack: string): Promise<string[]> {
  const exported = await capturePulumi(["stack", "export"], { stack });
  assertDone("export its state", exported);
  const state = JSON.parse(exported.stdout) as Deployment;
  const pending = state.deployment?.pending_operations ?? [];
  if (pending.length === 0) return [];
  delete state.deployment?.pending_operations;
  assertDone(
    "import its state",
    await capturePulumi(["stack", "import"], { stack, input: JSON.stringify(state) }),
  );
  return pending.map(({ type, resource: { urn } }) => `${type} ${urn.split("::").at(-1)}`);
}
