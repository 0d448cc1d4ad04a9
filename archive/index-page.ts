import { html, type SafeHtml } from "@remix-run/html-template";
import type { EvidenceRecord } from "../ledger/record.ts";
import { phaseSpans, runsOf } from "../ledger/timeline.ts";
import { showBytes } from "../postgres/backup/dump-space.ts";
import { showDuration } from "../system/duration.ts";
import { facts, htmlPage, linkTo, showTime, table, timeTag } from "../system/html-page.ts";
import { backupLocations } from "./backup-locations.ts";
import { courseTable } from "./course-table.ts";
import type { ArchiveManifest, ListedFile } from "./manifest.ts";

/** What the pages tell of: the manifest so far, which does not list the pages themselves yet. */
export interface Described {
  manifest: ArchiveManifest;
  records: readonly EvidenceRecord[];
}

const hash = (text: string) => html`<span class="hash">${text}</span>`;

function summary({ manifest, records }: Described): SafeHtml {
  const { evidence, files, stack, subject } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return facts({
    stack,
    column: subject,
    "first record": showTime(evidence.from),
    "last record": showTime(evidence.to),
    evidence: `${evidence.records} records`,
    content: `${files.length} files, ${showBytes(bytes)}`,
    "backups taken": backupLocations(records).length,
  });
}

function phases({ records }: Described): SafeHtml {
  const rows = phaseSpans(runsOf(records)).map((span) => [
    span.phase,
    timeTag(span.beganAt),
    timeTag(span.endedAt),
    showDuration(span.applySeconds),
    ...[span.applies, span.repeats, span.failures, span.undos],
  ]);
  const head = ["phase", "from (UTC)", "to (UTC)", "run time", "steps run", "run again", "failed", "undone"];
  return table(head, rows);
}

function backups({ records }: Described): SafeHtml {
  const rows = backupLocations(records).map(({ path, sha256, takenAt, provenAt, notProven, by }) => [
    timeTag(takenAt),
    by,
    path,
    provenAt ? timeTag(provenAt) : "not proven",
    notProven.join("; ") || "nothing",
    hash(sha256),
  ]);
  if (rows.length === 0) return html`<p>None was taken.</p>`;
  return table(
    ["as of (UTC)", "by", "place", "restored and compared", "left out of it", "SHA-256 of its manifest"],
    rows,
  );
}

function fileTable(files: readonly ListedFile[], link: boolean): SafeHtml {
  const rows = files.map(({ path, kind, bytes, sha256 }) => [
    link ? linkTo(path) : path,
    kind,
    showBytes(bytes),
    hash(sha256),
  ]);
  return table(["file", "kind", "size", "SHA-256"], rows);
}

function leftOut({ manifest }: Described): SafeHtml {
  if (manifest.leftOut.length === 0) return html``;
  return html`<h2>Left out on purpose</h2>
<p>The configuration (archive.include) takes ${manifest.include.join(", ") || "nothing"} beside the records. These files were there, and are known by their hash.</p>
${fileTable(manifest.leftOut, false)}`;
}

/** `index.html`: the archive as a person reads it. Pure: the same evidence gives the same page. */
export function indexPage(described: Described): string {
  const { manifest, records } = described;
  const archived = new Set(manifest.files.map(({ path }) => path));
  const releases = Object.entries(manifest.releases).map(([name, sha]) => [name, hash(sha)]);
  const title = `${manifest.subject} on ${manifest.stack}: the rollout, archived`;
  const body = html`<h1>${title}</h1>
<p class="lead">Made from the evidence alone. All times are UTC.</p>
${summary(described)}
<h2>Is it what it was?</h2>
<p><code>npx rollout verify &lt;archive&gt;</code> checks the chain of records and every file; README.md says how to do it by hand.
The chain ends at record ${manifest.evidence.head.number}, ${hash(manifest.evidence.head.hash)}.</p>
<h2>Phases</h2>
${phases(described)}
<h2>What happened</h2>
${courseTable(records, archived)}
<h2>Backups</h2>
<p>Where they lay. They are no part of this archive.</p>
${backups(described)}
<h2>Releases</h2>
${table(["release", "commit"], releases)}
<h2>Files</h2>
${fileTable(manifest.files, true)}
${leftOut(described)}`;
  return htmlPage({ title, body });
}
