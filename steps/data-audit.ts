import type { Client } from "pg";
import { z } from "zod";
import { entryKey } from "../ledger/entries.ts";
import { Change } from "../postgres/migration/change.ts";
import { countRows, type KeyedValue, listUnmapped, type RowCounts } from "../postgres/migration/counts.ts";
import { assertReadable } from "../postgres/migration/rights.ts";
import { readTargetFacts } from "../postgres/preflight-facts.ts";
import { withConnection } from "../postgres/session.ts";
import { resultOf } from "./recorded.ts";
import { type Audit, makeAudit, mostFrequent, renderAudit } from "./report/audit-report.ts";
import { BaseSpec, type Drift, defineStep, MINUTE, type StepDeps } from "./step.ts";

/** Unmapped rows that the report lists by key and value. */
const LISTED_ROWS = 100;
/** What of it goes to the terminal. */
const SHOWN_ROWS = 5;
const SHOWN_LINES = 40;
/** Different values kept in the result; the artifact has all that were counted. */
const RESULT_VALUES = 50;
/** Longest count of a second look; the whole look has 20 s. */
const RECOUNT_LIMIT_MS = 10_000;
/** Rows a second that a count of one column reads, measured low on two cores; for the estimate only. */
const ROWS_PER_SECOND = 2_000_000;

export const DataAuditSpec = BaseSpec.extend({ change: Change });
export type DataAuditSpec = z.infer<typeof DataAuditSpec>;

export interface DataAuditResult {
  total: number;
  null: number;
  invalid: number;
  unmapped: number;
  /** The most frequent values. */
  byType: Record<string, number>;
  /** Percent, one decimal; null for an empty table. See docs/health-score.md. */
  healthScore: number | null;
  healthStatus: string;
  /** Paths in the evidence folder. */
  report: { text: string; json: string };
}

/** What is read again of it. */
const DataAuditRecord = z.object({ unmapped: z.number() });

/** Counts, and examples where there are any to mend. */
async function readRows(spec: DataAuditSpec, deps: StepDeps): Promise<[RowCounts, KeyedValue[]]> {
  const { change, deadlineSeconds } = spec;
  const client = await deps.connect();
  try {
    await assertReadable(client, change, { step: "data-audit", stamps: false });
    const counts = await countRows(client, change, { timeoutMs: deadlineSeconds * 1000 });
    return [counts, counts.unmapped > 0 ? await listUnmapped(client, change, LISTED_ROWS) : []];
  } finally {
    await client.end();
  }
}

function summarise(audit: Audit, report: DataAuditResult["report"]): DataAuditResult {
  const { total, invalid, unmapped, byType, healthScore } = audit;
  return {
    ...{ total, null: audit.null, invalid, unmapped },
    byType: mostFrequent(byType, RESULT_VALUES).byType,
    healthScore: healthScore.percent,
    healthStatus: healthScore.status,
    report,
  };
}

/**
 * An audit that found unmapped rows holds the rollout up until somebody mends them: it is looked at again, so that
 * `up` then audits anew. One that found none is not: what came in since is for phase 1 to refuse.
 */
async function findMended(client: Client, spec: DataAuditSpec, deps: StepDeps): Promise<Drift[]> {
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const { unmapped } = resultOf(dataAudit, own) ?? { unmapped: 0 };
  if (own?.state !== "done" || unmapped === 0) return [];
  const expected = `${unmapped.toLocaleString("en-US")} unmapped rows, as audited`;
  try {
    const counts = await countRows(client, spec.change, { timeoutMs: RECOUNT_LIMIT_MS });
    const observed = counts.unmapped.toLocaleString("en-US");
    return counts.unmapped === unmapped ? [] : [{ expected, observed }];
  } catch (error) {
    if ((error as { code?: string }).code !== "57014") throw error;
    return [{ expected, observed: `no count within ${RECOUNT_LIMIT_MS / 1000} s` }];
  }
}

/**
 * Counts the values of the column before anything is changed. Unmapped values are reported, not refused: that is
 * phase 1's part, and the report is what its owner mends them by.
 * @see runbook 0.4
 */
export const dataAudit = defineStep({
  name: "data-audit",
  spec: DataAuditSpec,
  result: DataAuditRecord,
  lease: false,
  deadlineSeconds: 30 * MINUTE,
  async observe(spec, deps) {
    const { change } = spec;
    const table = `${change.schema}.${change.table}`;
    const [facts, drift] = await withConnection(deps, async (client) => {
      const found = await readTargetFacts(client, change);
      return [found, found?.columnType && found.maySelect ? await findMended(client, spec, deps) : []];
    });
    const blockers: string[] = [];
    if (!facts?.columnType) {
      const wanted = facts ? `a column ${change.column} in ${table}` : `a table ${table}`;
      blockers.push(
        `data-audit: expected ${wanted}, got none. Correct databaseUrl or change in the stack config.`,
      );
    } else if (!facts.maySelect) {
      blockers.push(
        `data-audit: expected to read ${table}, got no SELECT right. As ${facts.owner}: GRANT SELECT.`,
      );
    }
    const rows = facts?.estimatedRows ?? -1;
    const about = rows >= 0 ? ` (about ${Math.round(rows).toLocaleString("en-US")} rows)` : "";
    const plan = [`count the values of ${table}.${change.column}${about} (reads only, ACCESS SHARE)`];
    const estimate = rows >= 0 ? { estimateSeconds: Math.ceil(rows / ROWS_PER_SECOND) } : {};
    return { drift, plan, undo: [], blockers, ...estimate };
  },
  async apply(spec, deps) {
    const [counts, unmapped] = await readRows(spec, deps);
    const audit = makeAudit(spec.change, counts, unmapped, deps.now());
    for (const line of renderAudit(audit, spec.change, SHOWN_ROWS).slice(0, SHOWN_LINES)) deps.log(line);
    const lines = renderAudit(audit, spec.change, LISTED_ROWS);
    const text = await deps.saveArtifact("data-audit.txt", `${lines.join("\n")}\n`);
    const json = await deps.saveArtifact("data-audit.json", `${JSON.stringify(audit, null, 2)}\n`);
    return summarise(audit, { text, json });
  },
  async undo() {
    return { summary: "nothing to undo: the audit only reads", kept: [] };
  },
});
