import { noHosts } from "../hosts/host-shell.ts";
import { evidenceOf } from "../ledger/entries.ts";
import type { EvidenceRecord } from "../ledger/record.ts";
import { connect } from "../postgres/connect.ts";
import type { StepDeps } from "../steps/step.ts";

/** What a step is given on a database alone: no hosts, and nobody who reads its lines. */
export const benchDeps = (url: string, records: readonly EvidenceRecord[] = []): StepDeps => ({
  log: () => undefined,
  now: () => new Date(),
  signal: new AbortController().signal,
  connect: () => connect(url),
  databaseUrl: () => url,
  saveArtifact: async (name) => name,
  evidence: evidenceOf(records),
  shell: noHosts,
});
