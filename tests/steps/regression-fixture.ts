import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { OutputsSection } from "../../config/outputs.ts";
import { RegressionSection } from "../../config/regression.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { compareIntegers } from "../../postgres/deals/key-order.ts";
import type { Finding } from "../../steps/regression/regression-finding.ts";
import { type ComparisonRun, compareSnapshots } from "../../steps/regression/regression-run.ts";
import { type RegressionSpec, regression } from "../../steps/regression.ts";
import { describeRow, errorLine, outputsLine } from "../../steps/snapshot/snapshot-line.ts";
import type { SnapshotManifest } from "../../steps/snapshot/snapshot-store.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { change, runSql } from "./preflight-deps.ts";

/** A deal as a snapshot has it: JSON of its analysis, or null for none. */
export interface SnapshotDeal {
  key: string;
  type?: string | null;
  row?: string;
  analysis: string | null;
}

/** A deal with that cost. */
export const deal = (key: number, cost: string, more: Partial<SnapshotDeal> = {}): SnapshotDeal => ({
  ...{ key: String(key), analysis: `{"cost_total":"${cost}","costs":[{"kind":"x"}]}` },
  ...more,
});

export const RULES = {
  acquisition: "identical",
  carveout: [
    { field: "costs[].kind", includes: "tsa" },
    { field: "synergies[].kind", excludes: "consolidation" },
    { field: "cost_total", ratio: { min: "1.5", max: "3" } },
  ],
  divestiture: [{ field: "costs[].kind", includes: "extraction" }],
};

export const section = (changed: object = {}): RegressionSection =>
  RegressionSection.parse({ rules: RULES, ...changed });

export const AS_IT_WAS = "0".repeat(16);

export function lineOf({ key, type = "acquisition", row = AS_IT_WAS, analysis }: SnapshotDeal): string {
  const line =
    analysis === null
      ? errorLine(key, { request: "analysis", reason: "status 500" })
      : outputsLine(key, [["analysis", analysis]]);
  return `${describeRow(line, { type, row }).text}\n`;
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** Writes a snapshot's file. */
export function writeSnapshot(path: string, lines: readonly string[]) {
  const content = Buffer.from(lines.join(""));
  const bytes = path.endsWith(".gz") ? gzipSync(content, { level: 1 }) : content;
  writeFileSync(path, bytes);
  chmodSync(path, 0o600);
  return { path, sha256: sha256(bytes), bytes: bytes.length };
}

/** What a comparison finds when nobody edited anything: class and faults of each deal. */
export async function compareDeals(
  pre: readonly SnapshotDeal[],
  post: readonly SnapshotDeal[],
  changed: Partial<ComparisonRun> = {},
) {
  const folder = temporaryFolder("regression");
  const found: Finding[] = [];
  const tally = await compareSnapshots({
    ...{ change, section: section(), signal: new AbortController().signal },
    order: { local: true, compare: compareIntegers },
    pre: writeSnapshot(join(folder, "pre.ndjson.gz"), pre.map(lineOf)),
    post: writeSnapshot(join(folder, "post.ndjson"), post.map(lineOf)),
    settle: async (suspects) =>
      suspects.map(({ key, class: what, faults, now }) => ({
        key,
        class: what,
        faults,
        type: now?.type ?? null,
      })),
    take: async (findings) => void found.push(...findings),
    ...changed,
  });
  return {
    tally,
    found,
    said: found.map(({ key, class: what, faults }) => [key, what, ...faults.map(({ fault }) => fault)]),
  };
}

/** A database whose rows have the digest that the snapshots of these tests claim. */
export async function databaseOf(rows: number): Promise<string> {
  const url = await createDatabase();
  await runSql(
    url,
    "CREATE TABLE deals (id bigint PRIMARY KEY, deal_type varchar(50), name text DEFAULT 'n', created_at timestamptz DEFAULT '2025-01-01Z', updated_at timestamptz)",
    `INSERT INTO deals (id, deal_type) SELECT n, 'acquisition' FROM generate_series(1, ${rows}) n`,
  );
  return url;
}

/** An evidence folder in which both snapshots stand, as their steps leave them. */
export class SnapshotEvidence {
  readonly folder = join(temporaryFolder("regression"), "evidence");
  readonly snapshots = join(this.folder, "snapshots");
  readonly #chain = Chain.open(this.folder);

  constructor() {
    mkdirSync(this.snapshots, { recursive: true });
  }

  static of(pre: readonly SnapshotDeal[], post: readonly SnapshotDeal[]): SnapshotEvidence {
    const evidence = new SnapshotEvidence();
    evidence.keep("pre-flight", "output-snapshot", pre);
    evidence.keep("validation", "post-snapshot", post);
    return evidence;
  }

  /** @returns the snapshot's file. */
  keep(
    phase: string,
    step: string,
    deals: readonly SnapshotDeal[],
    changed: Partial<SnapshotManifest> = {},
    outputs: object = {},
  ): string {
    const name = `${phase}-${step}`;
    const file = `${name}.ndjson.gz`;
    const { path, sha256: sum, bytes } = writeSnapshot(join(this.snapshots, file), deals.map(lineOf));
    const manifest: SnapshotManifest = {
      ...{ version: 1, stack: "test", phase, step, generation: 1, digest: "d", state: "done", release: null },
      ...{ startedAt: "2026-01-01T00:00:00.000Z", finishedAt: "2026-01-01T01:00:00.000Z", file, bytes },
      ...{
        sha256: sum,
        contentSha256: "",
        totalDeals: deals.length,
        successCount: deals.length,
        errorCount: 0,
      },
      ...{ columns: ["name"], released: false, ...changed },
    };
    writeFileSync(join(this.snapshots, `${name}.json`), JSON.stringify(manifest));
    const spec = { change, outputs: OutputsSection.parse(outputs) };
    this.#record({ phase, step, kind: "output-snapshot" }, spec, { sha256: sum });
    return path;
  }

  /** Another release was switched to by a phase. */
  switchRelease(phase: string): void {
    this.#record({ phase, step: "release-switch", kind: "release-switch" }, {}, {});
  }

  #record(
    step: { phase: string; step: string; kind: string },
    spec: Record<string, unknown>,
    result: Record<string, unknown>,
  ): void {
    const fields = { ...step, verb: "apply" as const };
    const begin = { digest: "d".repeat(64), generation: 1, spec, will: [] };
    const { number } = this.#chain.append({ record: "begin", ...fields, ...begin });
    this.#chain.append({ record: "end", ...fields, begin: number, outcome: "done", result });
  }

  get reader() {
    return evidenceOf(this.#chain.records);
  }

  spec(changed: object = {}): RegressionSpec {
    return regression.spec.parse({
      ...{ specVersion: 1, generation: 1, deadlineSeconds: 60, change, ignoredColumns: ["updated_at"] },
      identity: {
        stack: "test",
        phase: "validation",
        step: "regression",
        evidenceUrl: `file:${this.folder}`,
      },
      ...{
        pre: { phase: "pre-flight", step: "output-snapshot" },
        post: { phase: "validation", step: "post-snapshot" },
      },
      regression: section(changed),
    });
  }
}
