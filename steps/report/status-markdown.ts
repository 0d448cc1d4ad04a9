import type { Entry } from "../../ledger/entries.ts";
import { notProvenOf, showNotProven } from "../../postgres/backup/left-out.ts";
import { markdownCell as cell, markdownTable } from "../../system/markdown-table.ts";
import { type Finding, showCount } from "./status-findings.ts";

/** Everything that the status report says. Kept as JSON too. */
export interface Status {
  version: 1;
  stack: string;
  /** `schema.table.column`. */
  subject: string;
  at: string;
  by: string;
  decision: "go" | "no-go";
  findings: Finding[];
}

const list = (names: unknown) =>
  Array.isArray(names) && names.length > 0 ? names.map((name) => cell(String(name))).join(", ") : "none";

/** One section of the report for one kind of step, as bullets from its result. */
type Section = { kind: string; title: string; bullets: (result: Record<string, unknown>) => string[] };

const SECTIONS: Section[] = [
  {
    kind: "test-suite",
    title: "Test Results",
    bullets: (result) => [
      `Total tests: ${showCount(result.total)}`,
      `Passed: ${showCount(result.passed)}`,
      `Failed: ${showCount(result.failed)}`,
      `Known failures: ${list(result.knownFailures)}`,
      `Flaky: ${list(result.flaky)}`,
    ],
  },
  {
    kind: "data-audit",
    title: "Deal Audit",
    bullets: (result) => [
      `Total rows: ${showCount(result.total)}`,
      `NULL: ${showCount(result.null)}`,
      `Invalid, NULL included: ${showCount(result.invalid)}`,
      `Unmapped: ${showCount(result.unmapped)}`,
      `Health score: ${typeof result.healthScore === "number" ? `${result.healthScore.toFixed(1)} %` : "–"} (${result.healthStatus ?? "not computed"})`,
    ],
  },
  {
    kind: "output-snapshot",
    title: "Baseline Snapshots",
    bullets: (result) => [
      `Snapshot file: ${cell(String(result.path ?? "none"))}`,
      `Successful snapshots: ${showCount(result.success_count)}`,
      `Failed snapshots: ${showCount(result.error_count)}`,
    ],
  },
  {
    kind: "backup",
    title: "Backup",
    bullets: (result) => [
      `Backup: ${cell(String(result.path ?? "none"))}`,
      `SHA-256 of its manifest: ${cell(String(result.sha256 ?? "none"))}`,
      `Tables: ${showCount(result.tables)}, rows: ${showCount(result.rows)}`,
      `As of: ${cell(String(result.takenAt ?? "unknown"))}`,
    ],
  },
  {
    kind: "restore-proof",
    title: "Restore Proof",
    bullets: (result) => [
      `Proven at: ${cell(String(result.provenAt ?? "not proven"))}`,
      `Rows equal to the original: ${showCount(result.rows)}`,
      `Not proven, left out on purpose: ${list(notProvenOf(result).map(showNotProven))}`,
      `Limits: ${list(result.limits)}`,
    ],
  },
];

function renderSection({ kind, title, bullets }: Section, entries: Entry[]): string[] {
  const entry = entries.find((candidate) => candidate.kind === kind);
  const missing = entry ? `${entry.state}: no result` : "not part of this phase 0, so not judged";
  const lines = entry?.state === "done" ? bullets(entry.result ?? {}) : [missing];
  return ["", `## ${title}`, ...lines.map((line) => `- ${line}`)];
}

function renderDecision({ decision, findings }: Status): string[] {
  const holds = findings.filter(({ go }) => !go);
  const verdict = decision === "go" ? "**APPROVED TO PROCEED**" : "**HOLD FOR FIXES**";
  return [
    "",
    "## Go/No-Go Decision",
    verdict,
    "",
    ...markdownTable(
      ["", "check", "limit", "value"],
      findings.map(({ go, step, limit, value }) => [go ? "go" : "**hold**", step, cell(limit), cell(value)]),
    ),
    ...(holds.length > 0 ? ["", "To do:"] : []),
    ...holds.map(({ step, limit, value, remedy }) => `- ${step}: ${limit} wanted, ${value} found. ${remedy}`),
  ];
}

/** The report as the runbook has it, with the numbers of the evidence. Pure. @see runbook 0.5 */
export function renderStatus(status: Status, entries: Entry[]): string {
  return `${[
    `# Pre-Migration Status: ${status.subject}`,
    "",
    `**Date**: ${status.at}  `,
    `**Tested By**: ${status.by}  `,
    `**Stack**: ${status.stack}`,
    ...SECTIONS.flatMap((section) => renderSection(section, entries)),
    ...renderDecision(status),
    "",
    "Written from the evidence by `rollout up`; edits here change no gate.",
  ].join("\n")}\n`;
}
