import assert from "node:assert/strict";
import { dataAudit } from "../../steps/data-audit.ts";
import { createDatabase } from "../database.ts";
import { baseSpec, change, DEALS, makeDeps, runSql } from "./preflight-deps.ts";

const spec = { ...baseSpec("data-audit"), change };

describe("data audit", () => {
  it("counts NULL, invalid, unmapped and each value, and scores the share of allowed rows", async () => {
    const url = await createDatabase();
    await runSql(url, ...DEALS);
    const deps = makeDeps(url);
    const { report, ...result } = await dataAudit.apply(spec, deps);
    assert.deepEqual(result, {
      total: 1000,
      null: 250,
      invalid: 500,
      unmapped: 0,
      byType: { acquisition: 250, carveout: 250, "carve-out": 250 },
      healthScore: 50,
      healthStatus: "poor",
    });
    const text = deps.readArtifact(report.text);
    assert.match(text, /^Health score: +50\.0 % \(poor\)$/m);
    assert.match(text, /^ {2}NULL +250 +25\.0 % {2}→ acquisition$/m);
    assert.match(text, /^ {2}"carve-out" +250 +25\.0 % {2}→ carveout$/m);
    assert.match(text, /the migration can take all rows\.$/m);
    assert.equal(JSON.parse(deps.readArtifact(report.json)).healthScore.percent, 50);
  });

  it("reports unmapped values by key and value without failing", async () => {
    const url = await createDatabase();
    await runSql(url, ...DEALS, "UPDATE deals SET deal_type = E'spin\\noff' WHERE id IN (7, 9)");
    const deps = makeDeps(url);
    const result = await dataAudit.apply(spec, deps);
    assert.equal(result.unmapped, 2);
    const text = deps.readArtifact(result.report.text);
    assert.match(
      text,
      /^UNMAPPED VALUES: 2 rows hold a value that no rule maps\. Phase 1 will refuse to start\.$/m,
    );
    assert.match(text, /^ {2}7: "spin\\noff"$/m);
    assert.match(deps.lines.join("\n"), /UNMAPPED VALUES: 2 rows/);
    assert.deepEqual(JSON.parse(deps.readArtifact(result.report.json)).unmappedRows, [
      { key: "7", value: "spin\noff" },
      { key: "9", value: "spin\noff" },
    ]);
  });

  it("audits an empty table, which has no score", async () => {
    const url = await createDatabase();
    await runSql(url, DEALS[0] ?? "");
    const result = await dataAudit.apply(spec, makeDeps(url));
    assert.deepEqual([result.total, result.healthScore, result.healthStatus], [0, null, "empty"]);
  });

  it("keeps the result short however many different values the column holds", async () => {
    const url = await createDatabase();
    await runSql(url, ...DEALS, "UPDATE deals SET deal_type = md5(id::text)");
    const deps = makeDeps(url);
    const result = await dataAudit.apply(spec, deps);
    assert.equal(Object.keys(result.byType).length, 50);
    assert.equal(result.unmapped, 1000);
    assert.ok(deps.lines.length <= 40, `${deps.lines.length} lines`);
    assert.match(deps.readArtifact(result.report.text), /… and 900 more$/m);
  });

  it("sees before it runs that the table or the column is not there, or may not be read", async () => {
    const url = await createDatabase();
    const blockers = async () => (await dataAudit.observe(spec, makeDeps(url))).blockers;
    assert.match((await blockers()).join(), /expected a table public\.deals, got none\./);
    await runSql(url, "CREATE TABLE deals (id int PRIMARY KEY)");
    assert.match((await blockers()).join(), /expected a column deal_type in public\.deals, got none\./);
    await runSql(url, "ALTER TABLE deals ADD deal_type text");
    assert.deepEqual(await blockers(), []);
  });
});
