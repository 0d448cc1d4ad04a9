import { setMaxListeners } from "node:events";
import { StepError } from "../errors/step-error.ts";
import { localShell } from "../hosts/local-shell.ts";
import { Chain } from "../ledger/chain.ts";
import { evidenceOf } from "../ledger/entries.ts";
import { countLeft } from "../ledger/left.ts";
import { takeLock } from "../ledger/lock.ts";
import { evidenceFolder, saveArtifact } from "../ledger/store.ts";
import type { MailSecrets } from "../mail/secrets.ts";
import { connect } from "../postgres/connect.ts";
import { findStep } from "./registry.ts";
import { applyStep, undoStep } from "./run-step.ts";
import type { BaseSpec, Step, StepDeps } from "./step.ts";
import { TargetGuard } from "./target-guard.ts";

export const VERBS = ["apply", "undo", "observe"] as const;
export type Verb = (typeof VERBS)[number];

/** What a process that runs a step has beside its spec. */
export interface RunOptions {
  signal: AbortSignal;
  /** One progress line for the person who watches. */
  log(line: string): void;
  /** Connection string of the target, a secret; absent where the stack has no database. */
  databaseUrl: string | undefined;
  /** For steps that send mail; a secret. */
  mail?: MailSecrets | undefined;
  /** The caller holds the evidence's lock, over several steps. */
  locked?: true;
}

/** What a step has from outside, in a process that runs it. */
export function makeDeps(chain: Chain, { signal, log, databaseUrl, mail }: RunOptions): StepDeps {
  // As many requests and scripts listen as there are hosts at work: more than Node takes for a leak.
  setMaxListeners(0, signal);
  const urlOf = () => {
    if (databaseUrl) return databaseUrl;
    throw new StepError("step: expected the connection string in ROLLOUT_DATABASE_URL, got none.");
  };
  return {
    ...{ log, signal, mail },
    now: () => new Date(),
    databaseUrl: urlOf,
    connect: async () => connect(urlOf()),
    saveArtifact: async (name, content) => saveArtifact(chain.folder, name, content),
    evidence: evidenceOf(chain.records),
    shell: localShell,
  };
}

/**
 * Runs one verb of a step in this process: `apply` and `undo` under the evidence's lock, with their records.
 * @returns what the step's Command prints.
 */
export async function runVerb(verb: Verb, step: Step, spec: BaseSpec, options: RunOptions): Promise<object> {
  const folder = evidenceFolder(spec.identity.evidenceUrl);
  if (verb === "observe") return step.observe(spec, makeDeps(Chain.open(folder), options));
  const { databaseUrl, locked } = options;
  const release = locked ? undefined : takeLock(folder, `${verb} ${spec.identity.step}`);
  const target = new TargetGuard(spec.identity.stack, databaseUrl ? () => connect(databaseUrl) : undefined);
  try {
    // Opened under the lock: nobody else writes records from here on.
    const chain = Chain.open(folder);
    const context = { chain, deps: makeDeps(chain, options), target, findStep };
    if (verb === "apply") return await applyStep(step, spec, context);
    const { summary, kept, left = [] } = await undoStep(spec, context);
    return { summary, kept: kept.length, left: countLeft(left) };
  } finally {
    await target.close();
    release?.();
  }
}
