import { hostname, userInfo } from "node:os";
import { z } from "zod";
import { type Entry, entryKey } from "../ledger/entries.ts";
import { ReportPath, reportExists, writeReport } from "../ledger/report-file.ts";
import { Change } from "../postgres/migration/change.ts";
import { resultOf } from "./recorded.ts";
import { describeHold, type Finding, judgeSteps } from "./report/status-findings.ts";
import { renderStatus, type Status } from "./report/status-markdown.ts";
import { BaseSpec, type Drift, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

export const StatusReportSpec = BaseSpec.extend({
  change: Change,
  /** Names of the steps of the same phase that it reports on. Their results are in the evidence, not here. */
  reportsOn: z.array(z.string().min(1)).min(1),
  file: ReportPath,
});
export type StatusReportSpec = z.infer<typeof StatusReportSpec>;

export interface StatusReportResult {
  decision: "go" | "no-go";
  findings: Finding[];
  /** Findings that hold, as lines: reasons for which the gate of the phase stays shut. */
  gate: string[];
  /** Number of the record that each step was done with: what the report was written from. */
  basis: Record<string, number>;
  file: string;
  /** Path in the evidence folder. */
  json: string;
}

/** What is read again of it. */
const StatusRecord = z.object({ gate: z.array(z.string()), basis: z.record(z.string(), z.number()) });
type StatusRecord = z.infer<typeof StatusRecord>;

/** Entries of the steps it reports on, by name. */
function readBasis({ identity, reportsOn }: StatusReportSpec, { evidence }: StepDeps): Map<string, Entry> {
  const entries = evidence.entries();
  return new Map(
    reportsOn.flatMap((step): [string, Entry][] => {
      const entry = entries.get(entryKey({ phase: identity.phase, step }));
      return entry ? [[step, entry]] : [];
    }),
  );
}

function numbersOf(entries: Map<string, Entry>): Record<string, number> {
  return Object.fromEntries([...entries].map(([step, { doneNumber }]) => [step, doneNumber ?? 0]));
}

/** The file is no part of it: it lies in the checkout that wrote it, and another clone has only the evidence. */
function findDrift({ basis }: StatusRecord, entries: Map<string, Entry>) {
  const drift: Drift[] = [];
  const numbers = numbersOf(entries);
  const redone = Object.keys(numbers).filter((step) => numbers[step] !== basis[step]);
  if (redone.length > 0) {
    drift.push({ expected: "a report on what holds now", observed: `${redone.join(", ")} changed since` });
  }
  return drift;
}

async function observe(spec: StatusReportSpec, deps: StepDeps): Promise<Observation> {
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const plan = [`write go or no-go to ${spec.file}, from ${spec.reportsOn.join(", ")}`];
  const result = own?.state === "done" ? resultOf(statusReport, own) : undefined;
  if (!result) return { drift: [], plan, undo: [], blockers: [], estimateSeconds: 1 };
  const drift = findDrift(result, readBasis(spec, deps));
  const { gate } = result;
  return { drift, plan: drift.length > 0 ? plan : [], undo: [`keep ${spec.file}`], blockers: [], gate };
}

function makeStatus(spec: StatusReportSpec, findings: Finding[], at: Date): Status {
  const { schema, table, column } = spec.change;
  return {
    version: 1,
    stack: spec.identity.stack,
    subject: `${schema}.${table}.${column}`,
    at: at.toISOString(),
    by: `${userInfo().username}@${hostname()}`,
    decision: findings.every(({ go }) => go) ? "go" : "no-go",
    findings,
  };
}

function logStatus({ decision, findings }: Status, file: string, log: StepDeps["log"]): void {
  const holds = findings.filter(({ go }) => !go);
  const verdict = decision === "go" ? "GO" : "NO-GO: gate 0 stays shut";
  log(`${verdict} (${findings.length - holds.length} of ${findings.length} checks), see ${file}`);
  for (const { step, limit, value } of findings.filter(({ go }) => go))
    log(`  go    ${step}: ${value} (${limit})`);
  for (const { step, limit, value, remedy } of holds) {
    log(`  HOLD  ${step}: expected ${limit}, got ${value}. ${remedy}`);
  }
}

async function apply(spec: StatusReportSpec, deps: StepDeps): Promise<StatusReportResult> {
  const entries = readBasis(spec, deps);
  const status = makeStatus(spec, judgeSteps(spec.reportsOn, entries), deps.now());
  const json = await deps.saveArtifact("pre-migration-status.json", `${JSON.stringify(status, null, 2)}\n`);
  writeReport(spec.file, renderStatus(status, [...entries.values()]));
  logStatus(status, spec.file, deps.log);
  const { decision, findings } = status;
  const gate = findings.filter(({ go }) => !go).map(describeHold);
  return { decision, findings, gate, basis: numbersOf(entries), file: spec.file, json };
}

/**
 * Go or no-go before anything is changed, from the evidence of the phase. A no-go does not fail, so that a person can
 * read it: it shuts the gate of the phase.
 * @see runbook 0.5; docs/status-report.md
 */
export const statusReport = defineStep({
  name: "status-report",
  spec: StatusReportSpec,
  result: StatusRecord,
  lease: false,
  deadlineSeconds: MINUTE,
  restates: true,
  observe,
  apply,
  async undo({ file }) {
    const kept = reportExists(file)
      ? [{ subject: file, reason: "reports are kept; the next attempt writes anew" }]
      : [];
    return { summary: kept.length > 0 ? `kept ${file}` : "no report to keep", kept };
  },
});
