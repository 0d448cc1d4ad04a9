import { localShell } from "../../hosts/local-shell.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import type { MigrationSpec } from "../../steps/migration/migration-plan.ts";
import { migration } from "../../steps/migration.ts";

/** A process of its own that migrates, to be killed. Arguments as JSON. */
const { url, spec } = JSON.parse(process.argv[2] ?? "") as { url: string; spec: MigrationSpec };
const log = (line: string) => void process.stderr.write(`${line}\n`);
const lease = await acquireLease(() => connect(url), { holder: "to be killed", log });
await migration.apply(spec, {
  log,
  lease,
  now: () => new Date(),
  signal: new AbortController().signal,
  databaseUrl: () => url,
  connect: () => connect(url),
  saveArtifact: async (name) => name,
  evidence: evidenceOf([]),
  shell: localShell,
});
process.exit(0);
