import { loadConfig } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { capturePulumi } from "../pulumi.ts";
import { stackEvidence } from "../stack-evidence.ts";
import { readStackSource } from "../stack-source.ts";

/** Longest time that Pulumi may take for a look at or a change of the configuration: its backend may hang. */
const PULUMI_MS = 10_000;

/** What the flag is switched by. */
export interface FlagSource {
  /** Folder of the evidence. */
  folder: string;
  /** Absent when it could not be read: then the evidence alone says what is switched. */
  config?: RolloutConfig;
  /** Why the configuration cannot be read, or set any more. */
  fault?: string;
}

const firstLine = (text: string) => text.trim().split("\n")[0] ?? "";

/**
 * The stack's configuration, or where its evidence lies: off is the way back, and neither a backend that is down nor a
 * fault in the configuration may be in its way.
 * @throws what reading threw, when the flag is to go on, or no evidence is found either.
 */
export async function readFlagSource(stack: string, on: boolean): Promise<FlagSource> {
  try {
    const config = loadConfig(await readStackSource(stack, { timeoutMs: PULUMI_MS }));
    return { folder: evidenceFolder(config.evidence.url), config };
  } catch (error) {
    if (on || !(error instanceof Error)) throw error;
    const folder = stackEvidence(stack);
    if (Chain.open(folder).records.length === 0) throw error;
    return { folder, fault: firstLine(error.message) };
  }
}

/**
 * The config first: a machine that dies in the middle must not leave an `up` that flips the flag back.
 * @returns why it could not be set, where the flag is to go off: that does not wait for it.
 */
export async function setFlagConfig(stack: string, on: boolean): Promise<string | undefined> {
  const limit = { stack, timeoutMs: PULUMI_MS };
  const { exitCode, stderr } = await capturePulumi(["config", "set", "flag", String(on)], limit);
  if (exitCode === 0) return undefined;
  const fault = `flag: expected to set flag ${on} for stack ${stack}, got: ${stderr.trim()}.`;
  if (on) throw new StepError(`${fault} Set it by hand.`);
  return firstLine(fault);
}
