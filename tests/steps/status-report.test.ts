import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { dataAudit } from "../../steps/data-audit.ts";
import { applyStep, undoStep } from "../../steps/run-step.ts";
import { type StatusReportResult, statusReport } from "../../steps/status-report.ts";
import type { BaseSpec } from "../../steps/step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, change, DEALS, makeDeps, runSql } from "./preflight-deps.ts";

const RESULTS: Record<string, Record<string, unknown>> = {
  "environment-check": { checked: 7, warnings: 1 },
  "test-suite": { total: 572, ran: 572, passed: 570, failed: 2, knownFailures: ["a | b", "c"], flaky: [] },
  "data-audit": {
    ...{ total: 1000, null: 250, invalid: 500, unmapped: 0, healthScore: 50, healthStatus: "poor" },
  },
  "output-snapshot": { total_deals: 1000, success_count: 1000, error_count: 0, path: "reports/x.jsonl" },
  backup: { path: "backups/b", sha256: "ab".repeat(32), bytes: 4096, tables: 3, rows: 1200, takenAt: "T1" },
  "restore-proof": { sha256: "ab".repeat(32), provenAt: "T2", rows: 1200, limits: [] },
};

/** A ledger of its own in which steps of phase 0 are recorded as run. */
class Evidence {
  readonly chain = Chain.open(join(temporaryFolder(), "evidence"));
  readonly file = join(temporaryFolder(), "reports/test/pre-migration-status.md");
  readonly deps;
  readonly target = new TargetGuard("test", undefined);

  constructor(databaseUrl = "") {
    const evidence = evidenceOf(this.chain.records);
    this.deps = makeDeps(databaseUrl, { evidence });
  }

  done(kind: string, result: Record<string, unknown> | undefined, outcome: "done" | "failed" = "done"): void {
    const fields = { phase: "pre-flight", step: kind, kind, verb: "apply" as const };
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    const { number } = this.chain.append({ record: "begin", ...fields, ...begin });
    this.chain.append({ record: "end", ...fields, begin: number, outcome, ...(result ? { result } : {}) });
  }

  context() {
    const findStep = async () => statusReport;
    return { chain: this.chain, deps: this.deps, target: this.target, findStep };
  }

  spec(reportsOn = Object.keys(RESULTS)) {
    return { ...baseSpec("status-report"), change, reportsOn, file: this.file };
  }

  async report(spec: BaseSpec = this.spec()): Promise<StatusReportResult> {
    return (await applyStep(statusReport, spec, this.context())) as StatusReportResult;
  }

  observe = (spec = this.spec()) => statusReport.observe(spec, this.deps);
  markdown = () => readFileSync(this.file, "utf8");
}

function whole(changed: Record<string, Record<string, unknown> | undefined> = {}): Evidence {
  const evidence = new Evidence();
  for (const [kind, result] of Object.entries({ ...RESULTS, ...changed })) evidence.done(kind, result);
  return evidence;
}

describe("status report", () => {
  it("approves when every step found what it should, with the numbers of the evidence", async () => {
    const evidence = whole();
    const { decision, gate } = await evidence.report();
    assert.deepEqual([decision, gate], ["go", []]);
    const text = evidence.markdown();
    for (const part of [
      "# Pre-Migration Status: public.deals.deal_type",
      "- Total tests: 572",
      "- Known failures: a \\| b, c",
      "- Invalid, NULL included: 500",
      "- Health score: 50.0 % (poor)",
      "- Successful snapshots: 1,000",
      "- Tables: 3, rows: 1,200",
      "**APPROVED TO PROCEED**",
      "| go | data-audit | 0 unmapped rows | 0 |",
    ])
      assert.ok(text.includes(part), `${part} in\n${text}`);
    assert.doesNotMatch(text, /HOLD/);
    assert.equal(statSync(evidence.file).mode & 0o777, 0o600);
  });

  it("says of a proof what it left out, beside the check and in its own section", async () => {
    const notProven = [{ object: "table public.places", reason: "needs extension postgis" }];
    const evidence = whole({ "restore-proof": { ...RESULTS["restore-proof"], notProven } });
    assert.equal((await evidence.report()).decision, "go");
    const text = evidence.markdown();
    assert.ok(
      text.includes("- Not proven, left out on purpose: table public.places (needs extension postgis)"),
      text,
    );
    assert.match(text, /\| go \| restore-proof \|.*not proven, left out: table public\.places \|/);
  });

  const holds: [string, Record<string, Record<string, unknown>>, RegExp][] = [
    [
      "unmapped values exist",
      { "data-audit": { ...RESULTS["data-audit"], unmapped: 3 } },
      /no-go: data-audit: expected 0 unmapped rows, got 3\. Add the spellings/,
    ],
    [
      "the health score was not computed",
      { "data-audit": { total: 5, null: 0, invalid: 0, unmapped: 0 } },
      /data-audit: expected a health score, got none computed/,
    ],
    ["the audit recorded no count", { "data-audit": {} }, /expected 0 unmapped rows, got not recorded/],
    ["there is no backup", { backup: {} }, /backup: expected a backup, read back, got none/],
    [
      "the proof is of another backup",
      { "restore-proof": { ...RESULTS["restore-proof"], sha256: "cd".repeat(32) } },
      /restore-proof: expected backup abababababab restored and compared, got cdcdcdcdcdcd/,
    ],
    ["no test ran", { "test-suite": { ran: 0 } }, /test-suite: expected a whole run/],
    [
      "deals have no outputs",
      { "output-snapshot": { total_deals: 9, success_count: 8, error_count: 1 } },
      /output-snapshot: expected 0 deals without outputs, got 1 errors, 8 of 9 captured/,
    ],
  ];
  for (const [what, changed, reason] of holds) {
    it(`holds when ${what}, which does not fail but shuts the gate`, async () => {
      const evidence = whole(changed);
      const { decision, gate } = await evidence.report();
      assert.equal(decision, "no-go");
      assert.match(gate.join("\n"), reason);
      assert.match(evidence.markdown(), /\*\*HOLD FOR FIXES\*\*/);
      const observed = await evidence.observe();
      assert.deepEqual([observed.drift, observed.gate], [[], gate]);
      assert.ok(evidence.deps.lines.some((line) => /^NO-GO/.test(line)));
    });
  }

  it("holds when a step that it reports on failed or never ran", async () => {
    const evidence = new Evidence();
    evidence.done("backup", undefined, "failed");
    const { gate } = await evidence.report(evidence.spec(["backup", "data-audit"]));
    assert.deepEqual(gate, [
      "no-go: backup: expected it done in this attempt, got half-done. Run `rollout up` at phase 0 again.",
      "no-go: data-audit: expected it done in this attempt, got never run. Run `rollout up` at phase 0 again.",
    ]);
  });

  it("says of a check that is not part of the phase that it was not judged", async () => {
    const evidence = whole();
    const { decision } = await evidence.report(evidence.spec(["data-audit", "backup"]));
    assert.equal(decision, "go");
    assert.match(evidence.markdown(), /## Test Results\n- not part of this phase 0, so not judged/);
  });

  it("approves an empty table, which has no score", async () => {
    const empty = { total: 0, null: 0, invalid: 0, unmapped: 0, healthScore: null, healthStatus: "empty" };
    assert.equal((await whole({ "data-audit": empty }).report()).decision, "go");
  });

  it("does not drift where its file is not: another clone has the evidence and no reports", async () => {
    const evidence = whole();
    await evidence.report();
    rmSync(evidence.file);
    assert.deepEqual((await evidence.observe()).drift, []);
  });

  it("drifts when a step was done again since, also with the same numbers", async () => {
    const evidence = whole();
    await evidence.report();
    evidence.done("backup", RESULTS.backup);
    assert.deepEqual((await evidence.observe()).drift, [
      { expected: "a report on what holds now", observed: "backup changed since" },
    ]);
  });

  it("is kept by undo, which says so; the next attempt is judged by itself", async () => {
    const evidence = whole({ backup: {} });
    await evidence.report();
    const { kept } = await undoStep(evidence.spec(), evidence.context());
    assert.equal(kept[0]?.subject, evidence.file);
    assert.ok(existsSync(evidence.file));
    assert.deepEqual((await evidence.observe()).gate, undefined);
  });
});

describe("audit that held", () => {
  it("drifts once somebody mended a row, so that the next up audits and judges anew", async () => {
    const url = await createDatabase();
    await runSql(url, ...DEALS, "UPDATE deals SET deal_type = 'odd' WHERE id IN (1, 2)");
    const evidence = new Evidence(url);
    const spec = { ...baseSpec("data-audit"), change };
    const audit = (generation: number) =>
      applyStep(dataAudit, { ...spec, generation } as BaseSpec, evidence.context());
    const drift = async () => (await dataAudit.observe(spec, evidence.deps)).drift;
    await audit(1);
    assert.equal((await evidence.report(evidence.spec(["data-audit"]))).decision, "no-go");
    assert.deepEqual(await drift(), []);
    await runSql(url, "UPDATE deals SET deal_type = 'carveout' WHERE id IN (1, 2)");
    assert.deepEqual(await drift(), [{ expected: "2 unmapped rows, as audited", observed: "0" }]);
    await audit(2);
    assert.deepEqual(await drift(), []);
    const again = { ...evidence.spec(["data-audit"]), generation: 2 };
    assert.equal((await evidence.report(again)).decision, "go");
  });
});
