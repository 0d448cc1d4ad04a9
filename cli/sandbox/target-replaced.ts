import { loadSettings } from "../../config/load.ts";
import { phaseTitle } from "../../config/phase.ts";
import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { takeLock } from "../../ledger/lock.ts";
import { progressOf } from "../../ledger/progress.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { ensureStack } from "../pulumi.ts";
import { readStackSource } from "../stack-source.ts";

async function evidenceOf(stack: string): Promise<string> {
  await ensureStack(stack);
  const { settings } = loadSettings(await readStackSource(stack));
  return evidenceFolder(settings.evidence.url);
}

/**
 * Whether the target may be thrown away.
 * @returns what of the rollout goes with it, as a note for the ledger; undefined when nothing stands there.
 * @throws {StepError} when a rollout stands there and `force` is not set.
 */
export async function assertReplaceable(stack: string, force: boolean): Promise<string | undefined> {
  const chain = Chain.open(await evidenceOf(stack));
  const { reached } = progressOf(foldEntries(chain.records), PHASE_PLAN);
  if (reached === null) return undefined;
  if (!force) {
    throw new StepError(
      `sandbox: expected a destroyed stack for reset, got stack ${stack} in ${phaseTitle(reached)}. ` +
        "Take it back first: npx rollout destroy; or lose it: npx rollout sandbox reset --force",
    );
  }
  return `sandbox reset --force under ${phaseTitle(reached)}`;
}

/** Tells the ledger that what it knows of the target is void: the next attempt needs its own evidence. */
export async function recordReplacement(stack: string, note: string): Promise<void> {
  const folder = await evidenceOf(stack);
  const release = takeLock(folder, "sandbox reset");
  try {
    Chain.open(folder).append({ record: "event", event: "target-replaced", note });
  } finally {
    release();
  }
}
