import { loadConfig } from "../../config/load.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { assertKnownEvidence } from "../../rollout/known-evidence.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { refuseLiveEngine } from "../recover/engine-state.ts";
import { readStackSource } from "../stack-source.ts";
import { logLine, printLines } from "../verb.ts";
import { findDifferences } from "../verify/verify-ledger.ts";
import type { Closing } from "./closing.ts";
import { confirmStack } from "./confirm.ts";

/** The real outside of a stack. @throws {StepError} while an engine works on it. */
export async function openClosing(verb: string, stack: string, { yes }: { yes: boolean }): Promise<Closing> {
  await refuseLiveEngine(stack);
  const config = loadConfig(await readStackSource(stack));
  return {
    config,
    phases: PHASE_PLAN,
    shell: localShell,
    signal: new AbortController().signal,
    print: (lines) => printLines(lines.map((line) => `${verb}: ${line}`)),
    log: logLine,
    confirm: () => confirmStack({ verb, stack, yes, input: process.stdin, output: process.stderr }),
    findDifferences: async (chain) => {
      await assertKnownEvidence(config, chain);
      return findDifferences(config, chain);
    },
  };
}
