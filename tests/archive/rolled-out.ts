import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import type { NewRecord } from "../../ledger/record.ts";
import { saveArtifact } from "../../ledger/store.ts";
import type { SnapshotManifest } from "../../steps/snapshot/snapshot-store.ts";
import type { BaseSpec, StepDeps } from "../../steps/step.ts";
import { makeDeps } from "../steps/preflight-deps.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

interface DoneOptions {
  kind?: string;
  at?: Date;
  result?: Record<string, unknown>;
  spec?: Record<string, unknown>;
  verb?: "apply" | "undo";
  outcome?: "done" | "failed" | "cancelled" | null;
  error?: string;
  generation?: number;
}

/** A stack's folder with evidence as the steps leave it: records, artifacts, snapshots, reports. */
export class RolledOut {
  readonly root = temporaryFolder("rolled-out");
  readonly evidence = join(this.root, "evidence/test");
  readonly reports = join(this.root, "reports/test");
  readonly archives = join(this.root, "archives/test");
  readonly chain = Chain.open(this.evidence);
  /** The clock of the records: goes on by ten seconds with each. */
  now = new Date("2025-02-03T09:00:00.000Z");

  append(content: NewRecord, at?: Date) {
    this.now = at ?? new Date(this.now.getTime() + 10_000);
    return this.chain.append(content, this.now);
  }

  /** Records a step as run; `outcome: null` leaves it without an end. */
  run(phase: string, step: string, options: DoneOptions = {}): void {
    const {
      kind = step,
      verb = "apply",
      outcome = "done",
      result,
      error,
      at,
      spec = {},
      generation = 1,
    } = options;
    const fields = { phase, step, kind, verb };
    const begin = { digest: "d".repeat(64), generation, spec, will: [] };
    const { number } = this.append({ record: "begin", ...fields, ...begin }, at);
    if (outcome === null) return;
    const more = { ...(result ? { result } : {}), ...(error === undefined ? {} : { error }) };
    this.append({ record: "end", ...fields, begin: number, outcome, ...more });
  }

  artifact = (name: string, content: unknown): string =>
    saveArtifact(this.evidence, name, typeof content === "string" ? content : JSON.stringify(content));

  report(path: string, content: string | Buffer): void {
    const file = join(this.reports, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
  }

  /** A finished snapshot of these lines, and the step that took it. */
  snapshot(phase: string, lines: readonly string[]): string {
    const packed = gzipSync(lines.map((line) => `${line}\n`).join(""));
    const folder = join(this.evidence, "snapshots");
    mkdirSync(folder, { recursive: true });
    const name = `${phase}-output-snapshot`;
    const errors = lines.filter((line) => line.includes('"error"')).length;
    const manifest: SnapshotManifest = {
      ...{
        version: 1,
        stack: "test",
        phase,
        step: "output-snapshot",
        generation: 1,
        digest: "q",
        state: "done",
      },
      ...{ startedAt: this.now.toISOString(), finishedAt: this.now.toISOString(), release: null },
      ...{ file: `${name}.ndjson.gz`, bytes: packed.length, sha256: sha256(packed), contentSha256: "" },
      ...{
        totalDeals: lines.length,
        successCount: lines.length - errors,
        errorCount: errors,
        released: false,
      },
    };
    writeFileSync(join(folder, manifest.file), packed);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(manifest));
    const path = join(folder, manifest.file);
    const counts = { total_deals: lines.length, success_count: lines.length - errors, error_count: errors };
    this.run(phase, "output-snapshot", { result: { ...counts, path, sha256: manifest.sha256 } });
    return path;
  }

  deps(overrides: Partial<StepDeps> = {}) {
    return makeDeps("", { evidence: evidenceOf(this.chain.records), now: () => this.now, ...overrides });
  }

  spec(phase: string, step: string): BaseSpec {
    const identity = { stack: "test", phase, step, evidenceUrl: `file:${this.evidence}` };
    return { specVersion: 1, identity, generation: 1, deadlineSeconds: 60 };
  }
}

/** Test results as the test suite's step keeps them. */
export function suiteRecord(passed: number, failed = 0) {
  const tests = Array.from({ length: passed + failed }, (_, n) => ({
    ...{ id: `t::test_${n}`, status: n < passed ? "passed" : "failed" },
  }));
  const counts = { total: passed + failed, ran: passed + failed, passed, failed, skipped: 0 };
  const record = {
    version: 1,
    takenAt: "T",
    release: null,
    command: ["pytest"],
    seconds: 1,
    ...counts,
    flaky: 0,
    tests,
  };
  return { counts, record };
}

const lineOf = (key: number) => `{"key":"${key}","outputs":{"analysis":{"cost_total":"${key}00.00"}}}`;

/** A rollout from its beginning to the archive. */
export function rolledOut(deals = 20): RolledOut {
  const stack = new RolledOut();
  const suite = suiteRecord(12, 1);
  const suiteJson = stack.artifact("test-suite.json", suite.record);
  const output = stack.artifact("test-suite-output.txt", "12 passed, 1 failed\n");
  const report = { json: suiteJson, output };
  stack.run("pre-flight", "guard");
  stack.run("pre-flight", "test-suite", {
    result: { ...suite.counts, knownFailures: ["t::test_12"], report },
  });
  const audit = { byType: { acquisition: 15, carveout: 3 }, null: 2, furtherValues: { values: 0, rows: 0 } };
  const json = stack.artifact("data-audit.json", audit);
  const rows = { total: 20, null: 2, invalid: 2, unmapped: 0, healthScore: 90, healthStatus: "fair" };
  stack.run("pre-flight", "data-audit", { result: { ...rows, report: { json } } });
  stack.snapshot(
    "pre-flight",
    Array.from({ length: deals }, (_, n) => lineOf(n + 1)),
  );
  const sha = "ab".repeat(32);
  const backup = {
    path: "backups/test/b",
    sha256: sha,
    bytes: 1,
    tables: 3,
    rows: 9,
    takenAt: "2025-02-03T09:01:00Z",
  };
  stack.run("pre-flight", "backup", { result: backup });
  const notProven = [{ object: "view public.v", reason: "needs extension x" }];
  const proof = { sha256: sha, provenAt: "2025-02-03T09:02:00Z", rows: 9, limits: [], notProven };
  stack.run("pre-flight", "restore-proof", { result: proof });
  const reportsOn = ["test-suite", "data-audit", "output-snapshot", "backup", "restore-proof"];
  const status = stack.artifact("pre-migration-status.json", { decision: "go" });
  const decision = {
    decision: "go",
    findings: [],
    gate: [],
    basis: {},
    file: "reports/test/status.md",
    json: status,
  };
  stack.run("pre-flight", "status-report", { spec: { reportsOn }, result: decision });
  stack.report("status.md", "# Go\n");
  stack.report("screenshots/1 form.png", Buffer.from([137, 80, 78, 71, 0, 255]));
  stack.append({ record: "event", event: "flag-switched", note: "on: <b>tried</b>" });
  stack.snapshot("validation", [
    ...Array.from({ length: deals }, (_, n) => lineOf(n + 1)),
    '{"key":"x","error":{"request":"analysis","reason":"status 500"}}',
  ]);
  return stack;
}
