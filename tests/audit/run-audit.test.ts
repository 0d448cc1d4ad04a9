import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { auditStack, renderAudit } from "../../cli/audit/run-audit.ts";
import { loadConfig } from "../../config/load.ts";
import { latestAudit } from "../../ledger/audits.ts";
import { Chain } from "../../ledger/chain.ts";
import { RolledOut } from "../archive/rolled-out.ts";
import { validValues } from "../config/valid-values.ts";
import { createDatabase } from "../database.ts";
import { change, runSql } from "../steps/preflight-deps.ts";
import { startApp, type TestApp } from "../steps/snapshot-fixture.ts";
import { type Case, junitXml, passing, reporting } from "../steps/suite-fixture.ts";

const TYPES = ["acquisition", "carveout", "divestiture"];
const typeOf = (key: number) => TYPES[key % 3] as string;
const DEALS = 60;

const analysis = (cost: string, kinds: string[]) =>
  JSON.stringify({ cost_total: cost, costs: kinds.map((kind) => ({ kind, amount: "1.00" })) });

/** A stack that was rolled out some 31 days ago, with its database, its application and its tests. */
class Audited {
  readonly stack = new RolledOut();
  readonly now: Date;
  databaseUrl = "";
  app!: TestApp;
  /** What a carveout costs now, and what kinds of costs a type has. */
  carveoutCost = "185.00";
  kinds: Record<string, string[]> = {
    acquisition: ["integration"],
    carveout: ["separation", "tsa"],
    divestiture: ["x"],
  };
  cases: Case[] = passing(3);
  values: Record<string, unknown> = {};

  constructor() {
    const before = (key: number) =>
      `{"key":"${key}","outputs":{"analysis":${analysis("100.00", ["integration"])}}}`;
    this.stack.snapshot(
      "pre-flight",
      Array.from({ length: DEALS }, (_, at) => before(at + 1)),
    );
    this.stack.run("validation", "release-switch", { spec: { to: "d".repeat(40) } });
    this.stack.run("validation", "scheduled-audit");
    this.now = new Date(this.stack.now.getTime() + 31 * 86_400_000);
  }

  async start(): Promise<this> {
    this.databaseUrl = await createDatabase();
    await runSql(
      this.databaseUrl,
      "CREATE TABLE deals (id bigint PRIMARY KEY, deal_type varchar(50))",
      `INSERT INTO deals SELECT n, (ARRAY['${TYPES.join("','")}'])[1 + n % 3] FROM generate_series(1, ${DEALS}) n`,
    );
    this.app = await startApp((key) => {
      const type = typeOf(Number(key));
      const cost = type === "carveout" ? this.carveoutCost : "100.00";
      return { body: analysis(cost, this.kinds[type] ?? []) };
    });
    return this;
  }

  async audit(tickets?: number) {
    const suite = reporting(junitXml(this.cases), this.cases.some(([, outcome]) => outcome) ? 1 : 0);
    const values = validValues({
      ...{
        environment: "staging",
        phase: "0",
        databaseUrl: this.databaseUrl,
        change,
        app: { url: this.app.url },
      },
      testSuite: { command: suite.command, cwd: suite.folder },
      evidence: { url: `file:${this.stack.evidence}` },
      ...this.values,
    });
    return auditStack(loadConfig({ values, stack: "test" }), { tickets, now: () => this.now });
  }
}

describe("rollout audit on a real database and application", function () {
  this.timeout(60_000);
  let target: Audited;
  beforeEach(async () => {
    target = await new Audited().start();
  });
  afterEach(() => target.app.close());

  it("is green in all seven points, counts, and is kept as evidence with what it saw", async () => {
    const audit = await target.audit(2);
    assert.deepEqual(
      audit.points.map(({ number, verdict, seen }) => [number, verdict, seen]),
      [
        [1, "green", "0 of 60 rows"],
        [2, "green", "0 of 60 rows"],
        [3, "green", "20 compared, median 1.85 times, 0 outside"],
        [4, "green", "20 of 20 carveouts have it, 0 of 40 others"],
        [5, "green", "2 (as entered)"],
        [6, "green", `none since ${new Date(target.now.getTime() - 30 * 86_400_000).toISOString()}`],
        [7, "green", "3 of 3 tests passed at dddddddddddd"],
      ],
    );
    assert.deepEqual([audit.green, audit.counts], [true, true]);
    const { records } = Chain.open(target.stack.evidence);
    const { green, early, note } = latestAudit(records, 0) ?? {};
    assert.deepEqual({ green, early, note }, { green: true, early: false, note: "7 green" });
    assert.match(renderAudit(audit)[0] ?? "", /^audit of public\.deals\.deal_type on test, .*: 7 green$/);
  });

  it("before the days are over it looks just the same, and says that it does not count", async () => {
    target.now.setTime(target.stack.now.getTime() + 86_400_000);
    const audit = await target.audit(2);
    assert.deepEqual([audit.green, audit.counts], [true, false]);
    assert.match(
      renderAudit(audit).at(-2) ?? "",
      /^early: an audit counts for `rollout finish` from 2025-03-05T/,
    );
    assert.equal(latestAudit(Chain.open(target.stack.evidence).records, 0)?.early, true);
  });

  const reds: [number, string, () => Promise<unknown> | unknown, RegExp][] = [
    [
      7,
      "fewer tests run than when phase 4 proved the release",
      () => {
        const result = { release: "d".repeat(40), ran: 4 };
        target.stack.run("validation", "test-suite", { result });
      },
      /expected 4 tests to run, got 3/,
    ],
    [
      1,
      "a row holds another value",
      () => runSql(target.databaseUrl, "UPDATE deals SET deal_type = 'merger' WHERE id = 3"),
      /^1 of 60 rows: "merger" \(1\)$/,
    ],
    [
      2,
      "a row holds none",
      () => runSql(target.databaseUrl, "UPDATE deals SET deal_type = NULL WHERE id = 3"),
      /^1 of 60 rows$/,
    ],
    [
      3,
      "carveouts cost what acquisitions cost",
      () => (target.carveoutCost = "100.00"),
      /median 1 times, 20 outside/,
    ],
    [
      4,
      "acquisitions have TSA costs",
      () => (target.kinds.acquisition = ["tsa"]),
      /20 of 40 others: deal \d+ \(acq/,
    ],
    [
      5,
      "a command counts too many tickets",
      () => (target.values = { audit: { tickets: { command: ["sh", "-c", "echo 9"] } } }),
      /^9 \(by sh\)$/,
    ],
    [
      6,
      "the flag was switched",
      () => target.stack.append({ record: "event", event: "flag-switched", note: "off" }, target.now),
      /flag switched off/,
    ],
    [
      7,
      "a test fails",
      () => (target.cases = [...passing(2), ["test_x", "failure"]]),
      /got 1: - tests\.test_deals::test_x/,
    ],
  ];
  for (const [number, what, harm, seen] of reds)
    it(`is red in point ${number} alone when ${what}`, async () => {
      await harm();
      const { points, green } = await target.audit(number === 5 ? undefined : 2);
      assert.deepEqual(
        points.filter(({ verdict }) => verdict === "red").map((point) => point.number),
        [number],
      );
      assert.match(points[number - 1]?.seen ?? "", seen);
      assert.equal(green, false);
    });

  it("knows nothing, rather than green, of what could not be looked at, and looks at the rest", async () => {
    await target.app.close();
    const { points, green } = await target.audit();
    assert.deepEqual(
      points.filter(({ verdict }) => verdict === "unknown").map(({ number }) => number),
      [3, 4, 5],
    );
    assert.match(points[2]?.seen ?? "", /^no deal of 60 got an answer: /);
    assert.match(points[4]?.seen ?? "", /^nobody said: set audit\.tickets\.command/);
    assert.equal(green, false);
    target.app = await startApp();
  });

  for (const [what, command, seen] of [
    ["fails", ["sh", "-c", "exit 4"], /^sh: exit code 4$/],
    ["prints no number", ["sh", "-c", "echo many"], /expected it to print one whole number, got "many"/],
    ["is not there", ["/nowhere/tickets"], /^\/nowhere\/tickets: not found$/],
  ] as const)
    it(`knows nothing of tickets when the command ${what}`, async () => {
      target.values = { audit: { tickets: { command } } };
      const { points } = await target.audit();
      assert.equal(points[4]?.verdict, "unknown");
      assert.match(points[4]?.seen ?? "", seen);
    });

  it("does not compare with a snapshot that is not what the evidence says", async () => {
    rmSync(`${target.stack.evidence}/snapshots/pre-flight-output-snapshot.ndjson.gz`);
    const { points } = await target.audit(2);
    assert.equal(points[2]?.verdict, "unknown");
    assert.match(points[2]?.seen ?? "", /is not there$/);
  });
});
