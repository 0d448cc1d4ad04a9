import { basename } from "node:path";
import { z } from "zod";
import { entryKey, foldEntries } from "../ledger/entries.ts";
import type { EndRecord, EvidenceRecord } from "../ledger/record.ts";
import { judgeSteps } from "../steps/report/status-findings.ts";
import { countStatuses, SuiteRecord } from "../steps/suite/suite-results.ts";
import type { FoundFile } from "./manifest.ts";
import type { SnapshotCount } from "./snapshot-count.ts";

/** What was found in an archive, as far as the evidence can be recomputed from it. */
export interface Contents {
  records: readonly EvidenceRecord[];
  found: ReadonlyMap<string, FoundFile>;
  /** Texts of artifacts that hold results, by path. */
  texts: ReadonlyMap<string, string>;
  snapshots: ReadonlyMap<string, SnapshotCount>;
}

type Done = EndRecord & { result: Record<string, unknown> };

/** Where a recorded number is not what the files give. */
const differ = (record: Done, what: string, recorded: unknown, computed: unknown): string[] =>
  recorded === computed
    ? []
    : [
        `record ${record.number} (${entryKey(record)}): expected ${what} ${recorded}, as recorded, got ${computed}`,
      ];

/** Artifacts whose content is not what their names say. Pure. */
export function alteredArtifacts(found: ReadonlyMap<string, FoundFile>): string[] {
  return [...found].flatMap(([path, { sha256 }]) => {
    const named = /^evidence\/artifacts\/([0-9a-f]{12})-/.exec(path)?.[1];
    if (named === undefined || sha256.startsWith(named)) return [];
    return [`${path}: expected the content that its name says by hash, got another`];
  });
}

const Reported = z.object({ report: z.object({ json: z.string() }) });

function checkSuite(record: Done, { texts }: Contents): string[] {
  const json = Reported.safeParse(record.result).data?.report.json;
  const text = texts.get(`evidence/${json}`);
  if (text === undefined) return [];
  const { tests } = SuiteRecord.parse(JSON.parse(text));
  const counts = countStatuses(tests);
  return (["total", "ran", "passed", "failed", "skipped"] as const).flatMap((name) =>
    differ(record, `${name} tests`, record.result[name], counts[name]),
  );
}

function checkAudit(record: Done, { texts }: Contents): string[] {
  const json = Reported.safeParse(record.result).data?.report.json;
  const text = texts.get(`evidence/${json}`);
  if (text === undefined) return [];
  const audit = JSON.parse(text) as {
    byType: Record<string, number>;
    null: number;
    furtherValues: { rows: number };
  };
  const values = Object.values(audit.byType).reduce((sum, rows) => sum + rows, 0);
  return differ(record, "rows", record.result.total, values + audit.null + audit.furtherValues.rows);
}

function checkSnapshot(record: Done, { snapshots, found }: Contents): string[] {
  const path = `evidence/snapshots/${basename(String(record.result.path))}`;
  const count = snapshots.get(path);
  if (!count) return [];
  return [
    ...differ(record, "SHA-256 of its snapshot", record.result.sha256, found.get(path)?.sha256),
    ...differ(record, "deals", record.result.total_deals, count.deals),
    ...differ(record, "deals with an error", record.result.error_count, count.errors),
  ];
}

/** Go or no-go once more, from what the evidence held just before. */
function checkDecision(record: Done, { records }: Contents): string[] {
  const begin = records[record.begin - 1];
  if (begin?.record !== "begin" || !Array.isArray(begin.spec.reportsOn)) return [];
  const reportsOn = begin.spec.reportsOn as string[];
  const entries = foldEntries(records.slice(0, begin.number));
  const own = reportsOn.flatMap((step) => {
    const entry = entries.get(entryKey({ phase: record.phase, step }));
    return entry ? [[step, entry] as const] : [];
  });
  const go = judgeSteps(reportsOn, new Map(own)).every((finding) => finding.go);
  return differ(record, "decision", record.result.decision, go ? "go" : "no-go");
}

const CHECKS: Record<string, (record: Done, contents: Contents) => string[]> = {
  "test-suite": checkSuite,
  "data-audit": checkAudit,
  "output-snapshot": checkSnapshot,
  "status-report": checkDecision,
};

function check(record: Done, contents: Contents): string[] {
  try {
    return CHECKS[record.kind]?.(record, contents) ?? [];
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    return [
      `record ${record.number} (${entryKey(record)}): expected files that its numbers can be computed from, got: ${line}`,
    ];
  }
}

/**
 * Computes again what the records state: counts of tests, of audited rows, of deals in the snapshots, go or no-go.
 * @returns how many results were looked at, and those that do not come out.
 */
export function recompute(contents: Contents): { looked: number; faults: string[] } {
  const done = contents.records.filter(
    (record): record is Done =>
      record.record === "end" &&
      record.verb === "apply" &&
      record.outcome === "done" &&
      record.result !== undefined,
  );
  const looked = done.filter(({ kind }) => Object.hasOwn(CHECKS, kind));
  return { looked: looked.length, faults: looked.flatMap((record) => check(record, contents)) };
}
