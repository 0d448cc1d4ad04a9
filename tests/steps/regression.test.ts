import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { validation } from "../../phases/validation.ts";
import { connect } from "../../postgres/connect.ts";
import { KeyReader } from "../../postgres/deals/key-pages.ts";
import { findStep } from "../../steps/registry.ts";
import { type RegressionSpec, regression } from "../../steps/regression.ts";
import { createDatabase } from "../database.ts";
import { syncedFolders } from "../synced-folders.ts";
import { change, makeDeps, runSql } from "./preflight-deps.ts";
import { AS_IT_WAS, databaseOf, deal, type SnapshotDeal, SnapshotEvidence } from "./regression-fixture.ts";

async function digestOf(url: string, key: number): Promise<string> {
  const reader = new KeyReader(() => connect(url), change, new AbortController().signal, {
    ignoredColumns: ["updated_at"],
  });
  const [found] = await reader.readRows([String(key)]).finally(() => reader.end());
  return found?.row ?? assert.fail(`no deal ${key}`);
}

describe("regression", () => {
  let url: string;
  const rows: string[] = [];
  before(async () => {
    url = await databaseOf(10);
    for (let key = 1; key <= 10; key += 1) rows[key] = await digestOf(url, key);
  });
  const seen = (key: number, cost: string, more: Partial<SnapshotDeal> = {}) =>
    deal(key, cost, { row: rows[key] ?? AS_IT_WAS, ...more });

  const run = (evidence: SnapshotEvidence, changed: object = {}, spec?: RegressionSpec) => {
    const deps = makeDeps(url, { evidence: evidence.reader });
    return { deps, result: regression.apply(spec ?? evidence.spec(changed), deps) };
  };
  const findingsOf = (evidence: SnapshotEvidence) => {
    const folder = join(evidence.folder, "regressions");
    const [file = ""] = readdirSync(folder);
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    const lines = readFileSync(join(folder, file), "utf8").trim().split("\n");
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  };

  it("is a step of its own kind that follows the later snapshot, and changes nothing that an undo brings back", async () => {
    const evidence = SnapshotEvidence.of([], []);
    assert.equal(await findStep("regression"), regression);
    const planned = validation.rows.find(({ step }) => step === regression);
    assert.equal(planned?.follows?.name, "post-snapshot");
    assert.match((await regression.undo(evidence.spec(), makeDeps(url))).summary, /nothing to undo/);
  });

  it("lets pass what is as it was, and says so with counts, worst and files", async () => {
    const deals = [seen(1, "100.00", { type: null }), seen(2, "100.00")];
    const evidence = SnapshotEvidence.of(deals, [seen(1, "104.00"), seen(2, "100.00")]);
    const spec = evidence.spec();
    const { deps, result } = run(evidence);
    const { plan, blockers } = await regression.observe(spec, deps);
    assert.deepEqual(blockers, []);
    assert.match(plan.join(), /compare 2 deals of 2026-01-01T00:00:00.000Z with 2 deals/);
    const { compared, exact, classes, findings, report, worst } = await result;
    assert.deepEqual([compared, exact, classes.different, findings.lines, worst], [2, 1, 0, 0, []]);
    assert.equal(JSON.parse(deps.readArtifact(report)).compared, 2);
    assert.match(
      deps.lines.join("\n"),
      /2 deals compared: 1 exactly as before, 1 otherwise\n {2}regressions: 0 \(acquisition 0 of 2\)/,
    );
  });

  it("stops on a regression, with its deals, where all of them are, and what to do next", async () => {
    const evidence = SnapshotEvidence.of(
      [seen(1, "100.00"), seen(2, "100.00")],
      [seen(1, "106.00"), seen(2, "190.00")],
    );
    const message = await run(evidence).result.then(
      () => assert.fail("expected a regression"),
      (error: Error) => error.message,
    );
    assert.match(
      message,
      /^regression: expected every deal as regression\.rules says, got 2 that are not \(all in \S+\.jsonl\)\.\n/,
    );
    assert.match(
      message,
      /\n {2}- deal 2 \(acquisition\) different: analysis\.cost_total: expected within 5 % of the value before, got 1\.9 times\n {2}- deal 1 /,
    );
    assert.match(message, /\nLook into them: npx rollout investigate '2' '1' --stack test\n/);
    assert.doesNotMatch(message, /106|190/);
    const found = findingsOf(evidence);
    assert.deepEqual(
      found.map(({ key }) => key),
      ["1", "2"],
    );
    assert.doesNotMatch(JSON.stringify(found), /106\.00/);
  });

  it("takes a difference that somebody has accepted, with the reason kept", async () => {
    const evidence = SnapshotEvidence.of([seen(1, "100.00")], [seen(1, "106.00")]);
    const accepted = [{ key: "1", reason: "price list of March" }];
    const { classes } = await run(evidence, { accepted }).result;
    assert.deepEqual([classes.accepted, classes.different], [1, 0]);
    assert.deepEqual(
      findingsOf(evidence).map(({ reason }) => reason),
      ["price list of March"],
    );
  });

  for (const [what, earlier, later] of [
    ["before the later snapshot", seenLater, (key: number) => seen(key, "106.00")],
    [
      "after it was read there",
      (key: number) => seen(key, "100.00", { row: "f".repeat(16) }),
      (key: number) => seen(key, "106.00", { row: "f".repeat(16) }),
    ],
    [
      "in its type",
      (key: number) => seen(key, "100.00", { type: "carve-out" }),
      (key: number) => seen(key, "106.00"),
    ],
  ] as [string, (key: number) => SnapshotDeal, (key: number) => SnapshotDeal][])
    it(`does not compare a deal that a user edited ${what}`, async () => {
      const same = (key: number) => seen(key, "100.00");
      const rest = [2, 3, 4, 5, 6].map(same);
      const { classes } = await run(SnapshotEvidence.of([earlier(1), ...rest], [later(1), ...rest])).result;
      assert.deepEqual([classes.changed, classes.different], [1, 0]);
    });
  function seenLater(key: number) {
    return seen(key, "100.00", { row: "e".repeat(16) });
  }

  it("does not compare a deal that was changed and changed back while the later snapshot was taken", async () => {
    const moments = await runSql(url, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS moment");
    const moment = moments[0]?.rows[0].moment;
    const evidence = new SnapshotEvidence();
    evidence.keep(
      "pre-flight",
      "output-snapshot",
      [1, 2, 3, 4, 7, 8].map((key) => seen(key, "100.00")),
    );
    const later = [1, 2, 3, 4].map((key) => seen(key, "100.00"));
    evidence.keep("validation", "post-snapshot", [...later, seen(7, "106.00"), seen(8, "106.00")], {
      moment,
    });
    for (const type of ["carveout", "acquisition"])
      await runSql(url, `UPDATE deals SET deal_type = '${type}' WHERE id = 7`);
    await assert.rejects(run(evidence).result, /regressions: 1 [\s\S]*- deal 8 \(acquisition\) different/);
    const [found] = findingsOf(evidence).filter(({ key }) => key === "7");
    assert.equal(found.class, "changed");
  });

  it("judges a new deal by the rules, but not one that was edited while it was asked for", async () => {
    await runSql(
      url,
      "INSERT INTO deals (id, deal_type, created_at) SELECT n, 'carveout', '2026-01-02Z' FROM generate_series(50, 51) n",
    );
    const moments = await runSql(url, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS moment");
    const later = await Promise.all(
      [50, 51].map(async (key) => seen(key, "1", { type: "carveout", row: await digestOf(url, key) })),
    );
    const evidence = new SnapshotEvidence();
    evidence.keep("pre-flight", "output-snapshot", []);
    evidence.keep("validation", "post-snapshot", later, { moment: moments[0]?.rows[0].moment });
    for (const type of ["acquisition", "carveout"])
      await runSql(url, `UPDATE deals SET deal_type = '${type}' WHERE id = 51`);
    await assert.rejects(
      run(evidence, { createdColumn: "created_at" }).result,
      /got 1 that are not[\s\S]*- deal 50 \(carveout\) different: costs\[\]\.kind: expected to include "tsa"/,
    );
    await runSql(url, "DELETE FROM deals WHERE id IN (50, 51)");
  });

  it("holds an edited deal to the rules that need no earlier output", async () => {
    await runSql(url, "UPDATE deals SET deal_type = 'divestiture' WHERE id = 9");
    const evidence = SnapshotEvidence.of([seenLater(9)], [seen(9, "1", { type: "divestiture" })]);
    await assert.rejects(
      run(evidence).result,
      /deal 9 \(divestiture\) different: costs\[\]\.kind: expected to include "extraction"/,
    );
  });

  it("counts edited rows as not edited when the table has other columns by now, and says so", async () => {
    const evidence = new SnapshotEvidence();
    evidence.keep("pre-flight", "output-snapshot", [seenLater(1)], { columns: ["name", "old"] });
    evidence.keep("validation", "post-snapshot", [seen(1, "106.00")]);
    const { deps, result } = run(evidence);
    await assert.rejects(result, /deal 1 \(acquisition\) different/);
    assert.match(deps.lines.join(), /the table has other columns than it had/);
  });

  it("does not take a comparison for one in which most deals were edited", async () => {
    const evidence = SnapshotEvidence.of(
      [seenLater(1), seen(2, "100.00")],
      [seen(1, "106.00"), seen(2, "100.00")],
    );
    await assert.rejects(
      run(evidence).result,
      /expected at most 20 % of the deals edited between the snapshots, got 1 of 2\. .*outputs\.ignoredColumns/,
    );
    assert.equal((await run(evidence, { maxChangedPercent: 50 }).result).classes.changed, 1);
  });

  it("tells deals that users created or deleted from those that were lost", async () => {
    await runSql(
      url,
      "INSERT INTO deals (id, created_at) VALUES (20, '2026-01-02Z'), (21, '2025-12-31Z')",
      "CREATE SCHEMA rollout",
      "CREATE TABLE rollout.event (kind text, key bigint)",
      "INSERT INTO rollout.event VALUES ('delete', 30)",
    );
    const evidence = SnapshotEvidence.of(
      [seen(1, "1"), seen(30, "1"), seen(31, "1")],
      [seen(20, "1"), seen(21, "1")],
    );
    const message = await run(evidence, { createdColumn: "created_at" }).result.then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(message, /got 3 that are not/);
    assert.deepEqual(
      findingsOf(evidence).map(({ key, class: what }) => `${key} ${what}`),
      ["1 missing", "21 extra", "30 deleted", "31 missing"],
    );
    assert.match(message, /1 created: created after the earlier snapshot/);
  });

  it("compares keys in the order of a collation that only the database knows", async () => {
    const words = await createDatabase();
    await runSql(
      words,
      `CREATE TABLE deals (id text COLLATE "und-x-icu" PRIMARY KEY, deal_type text)`,
      "INSERT INTO deals VALUES ('a'), ('B'), ('ä'), ('Z')",
    );
    const keys =
      (await runSql(words, "SELECT id FROM deals ORDER BY id"))[0]?.rows.map(({ id }) => id as string) ?? [];
    assert.notDeepEqual(keys, [...keys].sort());
    const at = (key: string) => ({ ...deal(0, "1"), key });
    const evidence = SnapshotEvidence.of(keys.map(at), keys.filter((key) => key !== "B").map(at));
    const deps = makeDeps(words, { evidence: evidence.reader });
    await assert.rejects(
      regression.apply(evidence.spec(), deps),
      /got 1 that are not[\s\S]*deal B \(acquisition\) missing/,
    );
  });

  it("forces the name of its findings to the disk: a power cut takes neither them nor it", async () => {
    const evidence = SnapshotEvidence.of([seen(1, "1")], [seen(1, "1")]);
    const folder = join(evidence.folder, "regressions");
    const synced = await syncedFolders(() => run(evidence).result);
    const { names = [] } = synced.find(({ path }) => path === folder) ?? {};
    assert.match(names.join(), /^validation-regression-\w+\.jsonl$/);
  });

  it("leaves no file of a comparison that did not come to its end", async () => {
    const evidence = SnapshotEvidence.of([seen(1, "1")], [seen(1, "1")]);
    const cancel = AbortSignal.abort(new Error("cancelled by a test"));
    const many = Array.from({ length: 5000 }, (_, n) => deal(n, "1"));
    evidence.keep("validation", "post-snapshot", many);
    const deps = makeDeps(url, { evidence: evidence.reader, signal: cancel });
    await assert.rejects(regression.apply(evidence.spec(), deps), /cancelled by a test/);
    assert.deepEqual(readdirSync(join(evidence.folder, "regressions")), []);
  });

  it("removes what a comparison left that was killed, with the next one and with its undo", async () => {
    const evidence = SnapshotEvidence.of([seen(1, "1")], [seen(1, "1")]);
    const folder = join(evidence.folder, "regressions");
    const leave = () => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "validation-regression-20260101T000000000Z.jsonl.incoming"), "{");
    };
    leave();
    await run(evidence).result;
    assert.equal(readdirSync(folder).length, 1);
    leave();
    await regression.undo(evidence.spec(), makeDeps(url));
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.endsWith(".jsonl")),
      [],
    );
  });

  it("goes by the database's clock where this machine's was a day ahead before", async () => {
    await runSql(url, "INSERT INTO deals (id, created_at) VALUES (40, '2026-01-02Z'), (41, '2025-12-31Z')");
    const evidence = new SnapshotEvidence();
    evidence.keep("pre-flight", "output-snapshot", [seen(1, "1")], {
      ...{ startedAt: "2026-01-03T00:00:00.000Z", clock: "2026-01-01 01:00:00+01" },
    });
    evidence.keep(
      "validation",
      "post-snapshot",
      [1, 40, 41].map((key) => seen(key, "1")),
    );
    await assert.rejects(run(evidence, { createdColumn: "created_at" }).result, /got 1 that are not/);
    assert.deepEqual(
      findingsOf(evidence).map(({ key, class: what }) => `${key} ${what}`),
      ["41 extra"],
    );
  });
});
