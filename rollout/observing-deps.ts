import type { RolloutConfig } from "../config/schema.ts";
import { localShell } from "../hosts/local-shell.ts";
import type { Chain } from "../ledger/chain.ts";
import { evidenceOf } from "../ledger/entries.ts";
import { mailSecrets } from "../mail/secrets.ts";
import { connect } from "../postgres/connect.ts";
import type { StepDeps } from "../steps/step.ts";

/** Deps to look with: nothing can be written through them, and progress lines go nowhere. */
export function observingDeps(config: RolloutConfig, chain: Chain): StepDeps {
  const { databaseUrl } = config;
  return {
    log: () => {},
    now: () => new Date(),
    signal: new AbortController().signal,
    connect: () => connect(databaseUrl),
    databaseUrl: () => databaseUrl,
    evidence: evidenceOf(chain.records),
    shell: localShell,
    mail: mailSecrets(config),
    saveArtifact: async () => {
      throw new Error("observe: expected to write nothing, got an artifact");
    },
  };
}
