import { noHosts } from "../../hosts/host-shell.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { saveArtifact } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { type OutputSnapshotSpec, outputSnapshot } from "../../steps/output-snapshot.ts";

/** A process of its own that takes a snapshot: to be killed, or to be weighed. Arguments as JSON. */
const { databaseUrl, folder, spec } = JSON.parse(process.argv[2] ?? "") as {
  databaseUrl: string;
  folder: string;
  spec: OutputSnapshotSpec;
};
const result = await outputSnapshot.apply(spec, {
  log: (line) => void process.stderr.write(`${line}\n`),
  now: () => new Date(),
  signal: new AbortController().signal,
  databaseUrl: () => databaseUrl,
  connect: () => connect(databaseUrl),
  saveArtifact: async (name, content) => saveArtifact(folder, name, content),
  evidence: evidenceOf([]),
  shell: noHosts,
});
process.stdout.write(JSON.stringify({ result, peakKib: process.resourceUsage().maxRSS }), () =>
  process.exit(0),
);
