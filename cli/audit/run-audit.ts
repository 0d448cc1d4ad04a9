import { lookAtPoints } from "../../audit/look.ts";
import { loadConfig } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import type { AuditPoint } from "../../ledger/audit-point.ts";
import { auditDue } from "../../ledger/audits.ts";
import { Chain } from "../../ledger/chain.ts";
import { takeLock } from "../../ledger/lock.ts";
import { type EvidenceRecord, recordFileName } from "../../ledger/record.ts";
import { evidenceFolder, saveArtifact } from "../../ledger/store.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { watchCancellation } from "../../steps/cancellation.ts";
import { alignColumns } from "../../system/columns.ts";
import { type Paint, unpainted } from "../../system/paint.ts";
import { readStackSource } from "../stack-source.ts";
import { logLine } from "../verb.ts";

/** What `rollout audit --json` prints. */
export interface AuditReport {
  version: 1;
  stack: string;
  subject: string;
  /** UTC. */
  at: string;
  green: boolean;
  points: AuditPoint[];
  /** The moment from which on an audit counts for `rollout finish`; null before phase 4 is finished. */
  countsFrom: string | null;
  counts: boolean;
  /** The record of it in the evidence. */
  record: string;
}

/** A long suite runs to its own time limit; this is for what hangs. */
const DEADLINE_SECONDS = 86_400;

const VERDICTS = ["green", "red", "unknown"] as const;

/** Red is worse than unknown; both are worse than green. Pure. */
export function exitCodeOf(points: readonly AuditPoint[]): number {
  if (points.some(({ verdict }) => verdict === "red")) return 1;
  return points.every(({ verdict }) => verdict === "green") ? 0 : 3;
}

/** `5 green, 1 red, 1 unknown`. */
function countVerdicts(points: readonly AuditPoint[]): string {
  return VERDICTS.map(
    (verdict) => [points.filter((point) => point.verdict === verdict).length, verdict] as const,
  )
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`)
    .join(", ");
}

function record(folder: string, points: AuditPoint[], early: boolean, at: Date): EvidenceRecord {
  const release = takeLock(folder, "audit");
  try {
    const [green, note] = [exitCodeOf(points) === 0, countVerdicts(points)];
    return Chain.open(folder).append({ record: "event", event: "audit", green, early, points, note }, at);
  } finally {
    release();
  }
}

interface AuditOptions {
  /** As a person entered them. */
  tickets?: number | undefined;
  now?: () => Date;
}

async function look(
  config: RolloutConfig,
  chain: Chain,
  { tickets, now }: Required<Pick<AuditOptions, "now">> & AuditOptions,
): Promise<AuditPoint[]> {
  const { signal, stop } = watchCancellation(DEADLINE_SECONDS);
  const deps = {
    ...observingDeps(config, chain),
    ...{ signal, log: logLine, now },
    saveArtifact: async (name: string, content: string | Buffer) => saveArtifact(chain.folder, name, content),
  };
  try {
    return await lookAtPoints(config, deps, { tickets });
  } finally {
    stop();
  }
}

/**
 * Reads what an audit begins with, and nothing else: Pulumi's backend, the secrets and the evidence.
 * @throws {StepError} as an audit would.
 */
export async function checkAudit(stack: string): Promise<string> {
  const { evidence } = loadConfig(await readStackSource(stack));
  const { records } = Chain.open(evidenceFolder(evidence.url));
  return `audit: the configuration and ${records.length} records of stack ${stack} can be read from here`;
}

/** Looks at the seven points and records what was seen. Reads the target and changes nothing of it. */
export async function runAudit(stack: string, options: AuditOptions): Promise<AuditReport> {
  return auditStack(loadConfig(await readStackSource(stack)), options);
}

/** As `runAudit`, of a configuration that has been read. */
export async function auditStack(
  config: RolloutConfig,
  { tickets, now = () => new Date() }: AuditOptions,
): Promise<AuditReport> {
  const { stack, change, audit, evidence } = config;
  const folder = evidenceFolder(evidence.url);
  const chain = Chain.open(folder);
  const points = await look(config, chain, { tickets, now });
  const at = now();
  const due = auditDue(chain.records, audit.afterDays);
  const early = due === undefined || at < due;
  const written = record(folder, points, early, at);
  return {
    ...{
      version: 1,
      stack,
      subject: `${change.schema}.${change.table}.${change.column}`,
      at: at.toISOString(),
    },
    ...{ green: exitCodeOf(points) === 0, points, countsFrom: due?.toISOString() ?? null },
    ...{ counts: !early, record: recordFileName(written) },
  };
}

function describeDue({ counts, countsFrom }: AuditReport): string {
  if (counts) return "late enough after phase 4 to count for `rollout finish`";
  if (countsFrom === null) return "early: phase 4 is not finished, so this audit counts for nothing yet";
  return `early: an audit counts for \`rollout finish\` from ${countsFrom} on`;
}

const TONES = { green: "good", red: "bad", unknown: "doubt" } as const;

function renderPoint({ number, verdict, title, expected, seen, evidence }: AuditPoint, paint: Paint) {
  return [
    [String(number), paint(TONES[verdict], verdict), title],
    ...[
      ["", "", `expected  ${expected}`],
      ["", "", `seen      ${seen}`],
    ],
    ...(evidence.length > 0 ? [["", "", `evidence  ${evidence.join(", ")}`]] : []),
  ];
}

/** The audit as a person reads it. Pure. */
export function renderAudit(audit: AuditReport, paint: Paint = unpainted): string[] {
  return [
    `audit of ${audit.subject} on ${audit.stack}, ${audit.at}: ${countVerdicts(audit.points)}`,
    ...alignColumns(audit.points.flatMap((point) => renderPoint(point, paint))),
    describeDue(audit),
    `recorded: ${audit.record}`,
  ];
}
