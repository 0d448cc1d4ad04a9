import { loadSettings } from "../../config/load.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { readStackSource } from "../stack-source.ts";
import { findLockingEngine, type LockingEngine } from "./engine-state.ts";
import { sayWhatResumes } from "./recover-run.ts";

/** Pulumi's own advice for a lock is `pulumi cancel`: it would stop no run, and leave what a dead one left. Pure. */
export function describeLock({ pid, alive }: LockingEngine, stack: string): string {
  return alive
    ? `Another run (pid ${pid}) is at work on the stack: wait for it, or press Ctrl-C where it runs. \`pulumi cancel\` would not stop it.`
    : `The run that locked the stack (pid ${pid}) is dead. Clean up after it: npx rollout recover --stack ${stack}`;
}

/**
 * What to do after a run of Pulumi that failed: about its lock, else about what is half-done. Read-only, and silent
 * where nothing can be told: the failure itself has been.
 */
export async function nextAfterFailure(stack: string): Promise<string[]> {
  const engine = await findLockingEngine(stack);
  if (engine) return [describeLock(engine, stack)];
  try {
    const { settings } = loadSettings(await readStackSource(stack));
    return sayWhatResumes(Chain.open(evidenceFolder(settings.evidence.url)), stack, settings.phase);
  } catch {
    return [];
  }
}
