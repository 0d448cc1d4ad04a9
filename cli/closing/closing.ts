import type { RolloutConfig } from "../../config/schema.ts";
import { tellError } from "../../errors/report-error.ts";
import { StepError } from "../../errors/step-error.ts";
import type { HostShell } from "../../hosts/host-shell.ts";
import type { Chain } from "../../ledger/chain.ts";
import type { PhaseSteps } from "../../ledger/progress.ts";

/** What `finish` and `uninstall` have from outside. Tests put their own in. */
export interface Closing {
  config: Pick<RolloutConfig, "stack" | "databaseUrl" | "hosts" | "migration" | "evidence" | "backup">;
  /** What the phases consist of: how far the rollout has come is measured against it. */
  phases: PhaseSteps;
  shell: HostShell;
  signal: AbortSignal;
  /** What the person has to read before confirming. */
  print(lines: readonly string[]): void;
  log(line: string): void;
  /** Resolves when the person has agreed. @throws {StepError} otherwise. */
  confirm(): Promise<void>;
  /** Ways in which reality is not as the evidence says, one line each. */
  findDifferences(chain: Chain): Promise<string[]>;
}

/** What came of something that was tried: a line for the person, or why it is left. */
export type Outcome = { did: string; fault?: never } | { did?: never; fault: string };

/** Tries it; a failure is told with the others', and keeps none of them from being tried. */
export async function attempt(subject: string, work: () => Promise<string>): Promise<Outcome> {
  try {
    return { did: `${subject}: ${await work()}` };
  } catch (error) {
    return { fault: `${subject}: ${tellError(error)}` };
  }
}

/** @returns what was done. @throws {StepError} naming what is left, and that a further run goes on from there. */
export function requireAll(
  outcomes: readonly Outcome[],
  { verb, stack }: { verb: string; stack: string },
): string[] {
  const done = outcomes.flatMap(({ did }) => (did === undefined ? [] : [did]));
  const faults = outcomes.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  if (faults.length === 0) return done;
  throw new StepError(
    `${verb}: expected nothing to be left, got ${faults.length} that are:\n  - ${faults.join("\n  - ")}\n` +
      `${done.map((line) => `  done: ${line}\n`).join("")}Mend it, then run again: npx rollout ${verb} --stack ${stack}`,
  );
}
