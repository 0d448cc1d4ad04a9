import assert from "node:assert/strict";
import { findToggles } from "../../audit/find-toggles.ts";
import { judgeSuiteRun, judgeTickets, judgeToggles } from "../../audit/judge-course.ts";
import { judgeCarveouts, judgeNulls, judgeTsa, judgeTypes } from "../../audit/judge-data.ts";
import { exitCodeOf } from "../../cli/audit/run-audit.ts";
import { AuditSection } from "../../config/audit.ts";
import type { AuditPoint } from "../../ledger/audit-point.ts";
import { auditDue, validatedAt } from "../../ledger/audits.ts";
import { RolledOut } from "../archive/rolled-out.ts";
import { change } from "../steps/preflight-deps.ts";

const section = AuditSection.parse({});
const rows = (byType: Record<string, number>, nulls = 0) => {
  const total = Object.values(byType).reduce((sum, count) => sum + count, nulls);
  return { total, null: nulls, invalid: 0, unmapped: 0, byType };
};
const pairs = (...costs: [now: string, before: string][]) => ({
  pairs: costs.map(([now, before], at) => ({ key: String(at + 1), now, before })),
  ...{ notCompared: [], evidence: ["snapshots/pre", "artifacts/sample"] },
});
const many = (count: number): [string, string][] => Array.from({ length: count }, () => ["185.00", "100.00"]);
const kind = (type: string, has: boolean) => ({ key: "7", type, has });
const suite = {
  passed: 12,
  ran: 13,
  knownFailures: ["t::old"],
  flaky: [],
  report: "artifacts/x",
  release: "d".repeat(40),
};
const unseen = { unseen: "the database is down" };

const cases: [string, AuditPoint, AuditPoint["verdict"], RegExp][] = [
  ["1: every value allowed", judgeTypes(rows({ acquisition: 2 }, 1), change), "green", /^0 of 3 rows$/],
  [
    "1: another value",
    judgeTypes(rows({ acquisition: 2, merger: 1 }), change),
    "red",
    /^1 of 3 rows: "merger" \(1\)$/,
  ],
  ["1: not looked at", judgeTypes(unseen, change), "unknown", /^the database is down$/],
  ["2: no NULL", judgeNulls(rows({ acquisition: 2 }), change), "green", /^0 of 2 rows$/],
  ["2: NULLs", judgeNulls(rows({ acquisition: 2 }, 3), change), "red", /^3 of 5 rows$/],
  ["2: not looked at", judgeNulls(unseen, change), "unknown", /down/],
  [
    "3: at both bounds",
    judgeCarveouts(pairs(["150.00", "100.00"], ["300.00", "100.00"], ["1.5", "1"]), section.carveouts),
    "green",
    /^3 compared, median 1\.5 times, 0 outside$/,
  ],
  [
    "3: a hair below and above",
    judgeCarveouts(pairs(["149.999999999", "100"], ["300.01", "100"]), section.carveouts),
    "red",
    /^2 compared, .*, 2 outside: deal 1 1\.4999 times, deal 2 3\.0001 times$/,
  ],
  [
    "3: one edited deal of twenty is no regression",
    judgeCarveouts(pairs(...many(19), ["900", "100"]), section.carveouts),
    "green",
    /^20 compared, median 1\.85 times, 1 outside: deal 20 9 times$/,
  ],
  [
    "3: two of twenty are",
    judgeCarveouts(pairs(...many(18), ["900", "100"], ["100", "100"]), section.carveouts),
    "red",
    /2 outside/,
  ],
  [
    "3: nothing to compare",
    judgeCarveouts({ ...pairs(["1", "0"]), notCompared: ["8"] }, section.carveouts),
    "unknown",
    /^no carveout that could be compared; 2 not compared/,
  ],
  ["3: no snapshot", judgeCarveouts(unseen, section.carveouts), "unknown", /down/],
  [
    "4: carveouts alone",
    judgeTsa([kind("carveout", true), kind("carveout", false), kind("acquisition", false)], section),
    "green",
    /^1 of 2 carveouts have it, 0 of 1 others$/,
  ],
  [
    "4: an acquisition too",
    judgeTsa([kind("carveout", true), kind("acquisition", true)], section),
    "red",
    /1 of 1 others: deal 7 \(acquisition\)$/,
  ],
  [
    "4: nobody at all shows nothing",
    judgeTsa([kind("carveout", false), kind("acquisition", false)], section),
    "unknown",
    /^0 of 1/,
  ],
  ["4: not looked at", judgeTsa(unseen, section), "unknown", /down/],
  [
    "5: four",
    judgeTickets({ count: 4, source: "as entered" }, section.tickets),
    "green",
    /^4 \(as entered\)$/,
  ],
  ["5: five", judgeTickets({ count: 5, source: "by sh" }, section.tickets), "red", /^5 \(by sh\)$/],
  ["5: nobody said", judgeTickets(unseen, section.tickets), "unknown", /down/],
  [
    "7: all but the known ones",
    judgeSuiteRun(suite),
    "green",
    /^12 of 13 tests passed at d{12}; known failures: t::old$/,
  ],
  ["7: a failure", judgeSuiteRun({ failed: "1 failed", evidence: ["artifacts/x"] }), "red", /^1 failed$/],
  ["7: could not be run", judgeSuiteRun(unseen), "unknown", /down/],
];

describe("a point of the audit", () => {
  for (const [what, judged, verdict, seen] of cases)
    it(`${what}: ${verdict}`, () => {
      assert.equal(judged.verdict, verdict, judged.seen);
      assert.match(judged.seen, seen);
    });
});

const FINISHED = new Date("2025-03-03T12:00:00Z");
const day = (days: number) => new Date(FINISHED.getTime() + days * 86_400_000);

/** A rollout whose phase 4 was finished just then; before it the flag was toggled and a phase taken back. */
function finished(): RolledOut {
  const stack = new RolledOut();
  stack.run("code-deployment", "env-flag", {
    spec: { value: false },
    at: new Date(FINISHED.getTime() - 60_000),
  });
  stack.run("code-deployment", "env-flag", { spec: { value: true }, verb: "undo" });
  stack.run("validation", "env-flag", { spec: { value: null }, at: new Date(FINISHED.getTime() - 20_000) });
  stack.run("validation", "scheduled-audit", { at: new Date(FINISHED.getTime() - 10_000) });
  return stack;
}

describe("point 6", () => {
  const judge = (stack: RolledOut, now: Date) =>
    judgeToggles(findToggles(stack.chain.records, { now, days: 30 }), 30);

  it("is green when nothing happened since phase 4 was finished, whatever the rollout itself switched before", () => {
    const { verdict, seen } = judge(finished(), day(31));
    assert.deepEqual([verdict, seen], ["green", `none since ${day(1).toISOString()}`]);
    assert.equal(judge(finished(), day(3)).seen, `none since ${FINISHED.toISOString()}`);
  });

  const events: [string, (stack: RolledOut) => void, RegExp][] = [
    [
      "a flag switch",
      (stack) => stack.append({ record: "event", event: "flag-switched", note: "off: costs" }, day(10)),
      /^1 since .*: flag switched off: costs \(2025-03-13/,
    ],
    [
      "an undo",
      (stack) => stack.run("validation", "archive", { verb: "undo", at: day(10) }),
      /: undo of validation\/archive/,
    ],
    [
      "another value of the flag",
      (stack) => stack.run("validation", "env-flag", { spec: { value: true }, at: day(10) }),
      /: flag set to true instead of null/,
    ],
  ];
  for (const [what, happen, seen] of events)
    it(`is red after ${what}, for thirty days, with the record as evidence`, () => {
      const stack = finished();
      happen(stack);
      const red = judge(stack, day(39));
      assert.equal(red.verdict, "red");
      assert.match(red.seen, seen);
      assert.equal(red.evidence.length, 1);
      assert.equal(judge(stack, day(41)).verdict, "green");
    });

  it("goes by the order of the records where a clock went backwards", () => {
    const stack = new RolledOut();
    stack.run("code-deployment", "env-flag", { verb: "undo", at: day(2) });
    stack.run("validation", "scheduled-audit", { at: FINISHED });
    assert.equal(judge(stack, day(5)).verdict, "green");
  });

  it("is unknown before phase 4 is finished", () => {
    assert.equal(judge(new RolledOut(), day(0)).verdict, "unknown");
  });
});

describe("the clock of the audit", () => {
  it("counts from the first time that phase 4 was finished, and not anew after a repair", () => {
    const stack = finished();
    stack.run("validation", "scheduled-audit", { at: day(9), generation: 2 });
    assert.equal(validatedAt(stack.chain.records)?.at, FINISHED.toISOString());
    assert.deepEqual(auditDue(stack.chain.records, 30), day(30));
  });

  it("forgets it when the phase is taken back, and with a target that was replaced", () => {
    const stack = finished();
    stack.run("validation", "scheduled-audit", { verb: "undo", at: day(31) });
    assert.deepEqual(
      [validatedAt(stack.chain.records), auditDue(stack.chain.records, 30)],
      [undefined, undefined],
    );
    const replaced = finished();
    replaced.append({ record: "event", event: "target-replaced", note: "reset" });
    assert.equal(validatedAt(replaced.chain.records), undefined);
  });
});

describe("the exit code of rollout audit", () => {
  for (const [verdicts, code] of [
    [["green", "green"], 0],
    [["green", "unknown"], 3],
    [["unknown", "red"], 1],
  ] as const)
    it(`is ${code} for ${verdicts.join(", ")}`, () => {
      const points = verdicts.map((verdict) => ({ verdict }) as AuditPoint);
      assert.equal(exitCodeOf(points), code);
    });
});
